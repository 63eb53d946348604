"""RecentScores: quantiles of the recent surprise, and how far it has drifted from the model's own flows."""

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
"""Probabilities at which the model's own distribution is cut into bins for the drift: the tail matters."""
FLOOR = 1e-4
SAMPLE = 4096
"""Flows of a window that are looked at: a share of 0.1 % is still seen within a few windows."""


class RecentScores:
    """Follows the surprise of a stream.

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
        """Compare with this model's validation flows from now on, starting anew: its scale is its own."""
        self._histogram = DecayingHistogram(self._histogram.half_life)
        probability, surprise = (np.asarray(a, np.float64) for a in artifact.quantiles)
        if not probability.shape[0]:
            self._edges = None
            return
        edges, first = np.unique(np.interp(LEVELS, probability, surprise), return_index=True)
        levels = np.asarray(LEVELS)[first]
        self._edges, self._expected = edges, np.diff(np.concatenate([[0.0], levels, [1.0]]))

    def add(self, surprise: Real) -> None:
        """Add a window: float32 [E]; a sample of it is looked at."""
        step = -(-surprise.shape[0] // SAMPLE) if surprise.shape[0] else 1
        self._histogram.add(surprise[::step], surprise.shape[0])

    def quantiles(self) -> dict[float, float]:
        """Surprise (nats) at each of ``QUANTILES``; empty before the first flow."""
        if self._histogram.empty:
            return {}
        return {q: float(self._histogram.exceeded_by(1.0 - q)) for q in QUANTILES}

    def drift(self) -> float | None:
        """Population stability index of the recent surprise against the model's validation flows.

        Returns
        -------
        float or None
            ``sum((o - e) ln(o / e))`` over the bins that ``LEVELS`` cut, each share at least 1e-4; 0 is no
            drift, above 0.25 is usually called a change. None before the first flow, or for a model
            without quantiles.
        """
        if self._edges is None or self._histogram.empty:
            return None
        below = self._histogram.share_below(self._edges)
        observed = np.maximum(np.diff(np.concatenate([[0.0], below, [1.0]])), FLOOR)
        expected = np.maximum(self._expected, FLOOR)
        return float(((observed - expected) * np.log(observed / expected)).sum())

    def copy(self) -> RecentScores:
        """One that goes its own way."""
        other = RecentScores(self._histogram.half_life)
        other._histogram = self._histogram.copy()
        other._edges, other._expected = self._edges, self._expected
        return other

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self._histogram.as_dict()

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what ``as_dict`` gave.

        Raises
        ------
        ValueError
            If it is something else.
        """
        self._histogram.restore(saved)
