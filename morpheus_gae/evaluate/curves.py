"""Curve: flagged flows at every possible threshold, for ROC, precision and recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Real = npt.NDArray[np.floating]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """Flows flagged at each distinct surprise, strictest threshold first.

    Attributes
    ----------
    threshold
        float [M] distinct surprises, descending; a flow is flagged if its surprise is >= the threshold.
    true, false
        int64 [M]: attacks and benign flows flagged, ascending; the last entry is the total.
    """

    threshold: Real
    true: I64
    false: I64

    @property
    def tpr(self) -> F64:
        """Return the share of attacks flagged (recall), float64 [M]."""
        return self.true / self.true[-1]

    @property
    def fpr(self) -> F64:
        """Return the share of benign flows flagged, float64 [M]."""
        return self.false / self.false[-1]

    @property
    def precision(self) -> F64:
        """float64 [M] share of attacks among the flagged."""
        return self.true / (self.true + self.false)


def curve(attack: Bool, surprise: Real) -> Curve:
    """The curve of E flows: bool [E] and float [E]; both attacks and benign flows must be there."""
    order = np.argsort(-surprise, kind="stable")
    falling, hit = surprise[order], attack[order]
    last = np.append(np.flatnonzero(np.diff(falling)), falling.shape[0] - 1)
    true = np.cumsum(hit, dtype=np.int64)[last]
    return Curve(falling[last], true, last + 1 - true)


def roc_auc(c: Curve) -> float:
    """Area under the ROC curve: chance that an attack is stranger than a benign flow, ties counting half."""
    tpr, fpr = np.append(0, c.tpr), np.append(0, c.fpr)
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def average_precision(c: Curve) -> float:
    """Mean of the precision over the recall it adds (the step rule, no interpolation)."""
    return float(np.sum(np.diff(c.tpr, prepend=0) * c.precision))


def youden(c: Curve) -> int:
    """Position of the threshold with the largest TPR - FPR (Youden 1950), the strictest of equals.

    It is chosen with the labels in hand, so it is no threshold for use: it only makes figures comparable
    with tables that were published so.
    """
    return int(np.argmax(c.tpr - c.fpr))
