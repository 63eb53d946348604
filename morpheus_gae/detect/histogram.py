"""DecayingHistogram: recent distribution of a stream's surprise, in a constant 40 kB."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.floating]
F64 = npt.NDArray[np.float64]

BINS_PER_OCTAVE = 256
OCTAVES = 20
MOST = 1e15
"""Upper limit of a bin in flows: more than a network sends in many half-lives, and sums stay finite."""


class DecayingHistogram:
    """A histogram with exponential decay, 1/256 of an octave of ``1 + surprise`` wide per bin (0.3 %).

    Parameters
    ----------
    half_life
        Flows after which an older flow counts half.

    Attributes
    ----------
    mass
        float64 [5120], flows in each bin, older ones counting less.
    """

    def __init__(self, half_life: int = 1_000_000) -> None:
        self.half_life = half_life
        self.mass: F64 = np.zeros(BINS_PER_OCTAVE * OCTAVES)

    @property
    def empty(self) -> bool:
        """Whether nothing has been added."""
        return not self.mass.any()

    def add(self, surprise: Real, flows: int | None = None) -> None:
        """Add a window.

        Parameters
        ----------
        surprise
            float32 [E], >= 0, of the window's flows or of a sample of them.
        flows
            Number of flows they represent; E by default.
        """
        if not surprise.shape[0]:
            return
        scaled = np.log2(1.0 + surprise.astype(np.float64)) * BINS_PER_OCTAVE
        bins = np.minimum(scaled, self.mass.shape[0] - 1).astype(np.int64)
        counts = np.bincount(bins, minlength=self.mass.shape[0])
        flows = surprise.shape[0] if flows is None else flows
        self.mass *= 0.5 ** (flows / self.half_life)
        self.mass += counts if flows == surprise.shape[0] else counts * (flows / surprise.shape[0])

    def exceeded_by(self, rate: float) -> np.float32:
        """Return the surprise reached by a share ``rate`` of the flows; linear within a bin."""
        above = np.cumsum(self.mass[::-1])[::-1]
        wanted = rate * above[0]
        # the highest bin with at least the required mass in and above it
        at = int(np.flatnonzero(above >= wanted)[-1])
        inside = self.mass[at]
        share = 1.0 if inside <= 0 else (wanted - (above[at] - inside)) / inside
        # all of a bin at its lower edge, none of it at its upper edge
        edge = at + 1.0 - min(max(share, 0.0), 1.0)
        surprise: np.float32 = np.float32(2.0 ** (edge / BINS_PER_OCTAVE) - 1.0)
        return surprise

    def share_below(self, surprise: npt.ArrayLike) -> F64:
        """Return the share of flows below each surprise; linear within a bin, 0 if nothing was added."""
        total = float(self.mass.sum())
        edges = np.log2(1.0 + np.asarray(surprise, np.float64)) * BINS_PER_OCTAVE
        below = np.concatenate([[0.0], np.cumsum(self.mass)])
        shares: F64 = np.interp(edges, np.arange(below.shape[0]), below) / (total if total else 1.0)
        return shares

    def copy(self) -> DecayingHistogram:
        """Return an independent copy."""
        other = DecayingHistogram(self.half_life)
        other.mass[:] = self.mass
        return other

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, from which ``restore`` is exact."""
        at = np.flatnonzero(self.mass)
        return {
            "bins_per_octave": BINS_PER_OCTAVE,
            "bins": at.tolist(),
            "mass": self.mass[at].tolist(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore from ``as_dict``.

        Raises
        ------
        ValueError
            If it is invalid.
        """
        try:
            bins = np.asarray(saved["bins"], np.int64)
            mass = np.asarray(saved["mass"], np.float64)
            sound = (
                saved["bins_per_octave"] == BINS_PER_OCTAVE
                and bins.ndim == 1
                and bins.shape == mass.shape
                and bool(((bins >= 0) & (bins < self.mass.shape[0])).all())
                and bool(((mass >= 0) & (mass <= MOST)).all())
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            sound = False
        if not sound:
            raise ValueError("not a histogram that this version wrote")
        self.mass[:] = 0.0
        self.mass[bins] = mass
