"""Rescored: flows scored again, as counts by surprise, time and label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.evaluate.curves import Curve, average_precision, roc_auc
from morpheus_gae.evaluate.labels import UNNAMED, Labels, labels_of
from morpheus_gae.evaluate.score import scored
from morpheus_gae.flows.columns import ATTACK, LABEL
from morpheus_gae.report.slots import Slots

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.frame import Flows

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

WIDTH = 0.02
"""Bin width in nats: the resolution of all figures."""
BINS = 3_000
"""Upper limit of surprises: larger ones are not distinguished."""
MOST_SLOTS = 160
MOST_CLASSES = 40
OTHERS = "(others)"
MOST_POINTS = 160
"""Points of a curve on the page."""


class Rescored:
    """Counts of flows by surprise: over time, and by class.

    Parameters
    ----------
    threshold
        Nats from which a flow is flagged.

    Attributes
    ----------
    flows, flagged, untimed
        How many.
    over_time
        Counts by time (or by number of the flow, where none has a time) and surprise.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.flows = self.flagged = self.missing = self.unlabelled = 0
        self.timed = True
        self.over_time = Slots(BINS, MOST_SLOTS)
        self.flags = Slots(2, MOST_SLOTS)
        self.benign: I64 = np.zeros(BINS, np.int64)
        self.attacks: dict[str, I64] = {}

    def run(self, batches: Iterable[Flows], executor: Executor, graph_size: int) -> None:
        """Score a stream."""
        for window, surprise in scored(batches, executor, graph_size):
            self.add(window, np.asarray(surprise, np.float64))

    def add(self, window: Flows, surprise: F64) -> None:
        """Count a window and its surprise, float64 [E]."""
        n = len(window)
        bins = np.clip(surprise / WIDTH, 0, BINS - 1).astype(np.int64)
        flags = surprise >= np.float32(self.threshold)
        times = self._times(window)
        self.over_time.add(times, bins)
        self.flags.add(times, flags.astype(np.int64))
        self.flows += n
        self.flagged += int(flags.sum())
        self.missing += int(window.duration_missing.sum())
        names = window.table.column_names
        if LABEL in names or ATTACK in names:
            self._label(labels_of(window.table), bins)

    def _times(self, window: Flows) -> I64:
        """Where flows stand in time; a window without times has that of the one before."""
        self.timed = self.timed and (self.flows > 0 or window.time_ms is not None)
        if not self.timed:
            # whatever begins without times is told by the number of the flow, a second each
            return 1_000 * np.arange(self.flows, self.flows + len(window))
        if window.time_ms is None:
            return np.full(len(window), int(self.over_time.starts[-1]))
        return window.time_ms

    def _label(self, labels: Labels, bins: I64) -> None:
        benign = labels.labelled & ~labels.attack
        self.benign += np.bincount(bins[benign], minlength=BINS)
        self.unlabelled += int((~labels.labelled).sum())
        for i, name in enumerate((*labels.kinds, UNNAMED)):
            kind = i if i < len(labels.kinds) else -1
            rows = labels.labelled & labels.attack & (labels.kind == kind)
            if rows.any():
                counts = np.bincount(bins[rows], minlength=BINS)
                room = name in self.attacks or len(self.attacks) < MOST_CLASSES
                known = name if room else OTHERS
                self.attacks[known] = self.attacks.get(known, 0) + counts

    def distribution(self) -> dict[str, Any]:
        """Share of flows with at least a surprise: ``surprise`` (nats) and ``share``, both [K]."""
        total = self.over_time.counts.sum(0)
        above = np.cumsum(total[::-1])[::-1] / max(self.flows, 1)
        at = np.flatnonzero(total)
        # every place where it falls, thinned out evenly in nats
        at = at[np.unique(np.searchsorted(at, np.linspace(0, at[-1], MOST_POINTS)).clip(0, at.size - 1))]
        return {"surprise": (at * WIDTH).round(2).tolist(), "share": [float(f"{v:.4g}") for v in above[at]]}

    def drift(self) -> dict[str, Any]:
        """By slot of time: ``start``, ``flows``, ``flagged``, ``median`` and ``high`` (99 %) of surprise."""
        counts = self.over_time.counts
        flows = counts.sum(1)
        kept = flows > 0
        return {
            "timed": self.timed,
            "step": self.over_time.step,
            "start": self.over_time.starts[kept].tolist(),
            "flows": flows[kept].tolist(),
            "flagged": self.flags.counts[kept, 1].tolist(),
            "median": _quantile(counts[kept], 0.5),
            "high": _quantile(counts[kept], 0.99),
        }

    def detection(self) -> dict[str, Any] | None:
        """ROC and precision/recall, of all attacks and of each class against all benign flows.

        Returns
        -------
        dict or None
            None where there are no labels, or no attacks or no benign flows among them.
        """
        if not self.attacks or not self.benign.sum():
            return None
        whole = np.sum(list(self.attacks.values()), axis=0)
        classes = sorted(self.attacks.items(), key=lambda item: (-int(item[1].sum()), item[0]))
        return {
            "benign": int(self.benign.sum()),
            "attacks": int(whole.sum()),
            "unlabelled": self.unlabelled,
            "benign_flagged": self._flagged(self.benign),
            "curves": [self._curve(name, hits) for name, hits in [("all attacks", whole), *classes]],
        }

    def _flagged(self, counts: I64) -> int:
        return int(counts[int(np.floor(self.threshold / WIDTH)) :].sum())

    def _curve(self, name: str, hits: I64) -> dict[str, Any]:
        used = np.flatnonzero(hits + self.benign)[::-1]
        c = Curve(used * WIDTH, np.cumsum(hits[used]), np.cumsum(self.benign[used]))
        at = _spread(c)
        return {
            "name": name,
            "flows": int(hits.sum()),
            "flagged": self._flagged(hits),
            "roc_auc": round(roc_auc(c), 4),
            "average_precision": round(average_precision(c), 4),
            "fpr": [float(f"{v:.3g}") for v in c.fpr[at]],
            "tpr": c.tpr[at].round(4).tolist(),
            "precision": c.precision[at].round(4).tolist(),
        }


def bad_counts(bad: Counter[str]) -> list[dict[str, Any]]:
    """Bad records by reason, most frequent first."""
    return [{"reason": reason, "count": count} for reason, count in bad.most_common()]


def _spread(c: Curve) -> I64:
    """Points of a curve that show it: evenly in the shares and in the logarithm of false alarms."""
    grid = np.linspace(0, 1, MOST_POINTS // 3)
    least = max(float(c.fpr[c.fpr > 0][0]), 1e-9)
    at = [
        np.searchsorted(c.tpr, grid),
        np.searchsorted(c.fpr, grid),
        np.searchsorted(c.fpr, np.exp(np.log(least) * (1 - grid))),
        [0, c.fpr.shape[0] - 1],
    ]
    return np.unique(np.concatenate(at).astype(np.int64).clip(0, c.fpr.shape[0] - 1))


def _quantile(counts: I64, share: float) -> list[float]:
    """Surprise below which a share of each row's flows lies, to a bin's middle."""
    reached = np.cumsum(counts, 1) >= share * counts.sum(1, keepdims=True)
    return ((reached.argmax(1) + 0.5) * WIDTH).round(2).tolist()
