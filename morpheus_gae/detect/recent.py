"""RecentScores: quantiles of the recent surprise, and its drift from the model's validation flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.histogram import DecayingHistogram

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact

Real = npt.NDArray[np.floating]
F64 = npt.NDArray[np.float64]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
LEVELS = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
"""Probabilities that bin the validation distribution for the drift, finer in the tail."""
FLOOR = 1e-4
SAMPLE = 4096
"""Maximum number of flows sampled per window: a share of 0.1 % is still visible within a few windows."""


class RecentScores:
    """Tracks the surprise of a stream.

    Parameters
    ----------
    half_life
        Flows after which an older flow counts half.
    """

    def __init__(self, half_life: int = 1_000_000) -> None:
        self._histogram = DecayingHistogram(half_life)
        self._edges: F64 | None = None
        self._expected: F64 = np.zeros(0)

    def follow(self, artifact: Artifact) -> None:
        """Restart, comparing with this model's validation flows: scales differ between models."""
        self._histogram = DecayingHistogram(self._histogram.half_life)
        probability, surprise = (np.asarray(a, np.float64) for a in artifact.quantiles)
        if not probability.shape[0]:
            self._edges = None
            return
        edges, first = np.unique(np.interp(LEVELS, probability, surprise), return_index=True)
        levels = np.asarray(LEVELS)[first]
        self._edges, self._expected = edges, np.diff(np.concatenate([[0.0], levels, [1.0]]))

    def add(self, surprise: Real) -> None:
        """Add a sample of a window, float32 [E]."""
        step = -(-surprise.shape[0] // SAMPLE) if surprise.shape[0] else 1
        self._histogram.add(surprise[::step], surprise.shape[0])

    def quantiles(self) -> dict[float, float]:
        """Return the surprise (nats) at each of ``QUANTILES``; empty before the first flow."""
        if self._histogram.empty:
            return {}
        return {q: float(self._histogram.exceeded_by(1.0 - q)) for q in QUANTILES}

    def drift(self) -> float | None:
        """Return the population stability index of the recent surprise against the validation flows.

        Returns
        -------
        float or None
            ``sum((o - e) ln(o / e))`` over the bins given by ``LEVELS``, each share at least 1e-4; 0 is no
            drift, above 0.25 is usually called a shift. None before the first flow, or for a model without
            quantiles.
        """
        if self._edges is None or self._histogram.empty:
            return None
        below = self._histogram.share_below(self._edges)
        observed = np.maximum(np.diff(np.concatenate([[0.0], below, [1.0]])), FLOOR)
        expected = np.maximum(self._expected, FLOOR)
        return float(((observed - expected) * np.log(observed / expected)).sum())

    def copy(self) -> RecentScores:
        """Return an independent copy."""
        other = RecentScores(self._histogram.half_life)
        other._histogram = self._histogram.copy()
        other._edges, other._expected = self._edges, self._expected
        return other

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return self._histogram.as_dict()

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore from ``as_dict``.

        Raises
        ------
        ValueError
            If it is invalid.
        """
        self._histogram.restore(saved)
