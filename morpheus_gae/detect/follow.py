"""Follow: a threshold, and a calibration, from the recent flows of the scored stream itself.

The stream is unlabelled, so the upper tail of its surprises may be attacks. Unlike chance, these come in
bursts of few sources or destinations. The flows of each host in the tail are therefore capped: at a multiple
of the number expected from its share of all flows, and in each hour at a multiple of that expected from its
other flows of the hour. An attack on a busy server is over by then, a new service recurs hour after hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.calibration import TailMap, fit_far

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

MOST = 200_000
PART = 0.25
"""The threshold is computed from this share of all flows so far, the latest: at first the memory grows fast,
and the latest scores predict the next ones best."""
LEAST = 20_000
EARLY, SUPPORT = 10_000, 100.0
"""Flows from which on a threshold may be raised, of which the rate lets expect so many, up to LEAST."""
UNITS = 1 << 16
"""Number of classes that hosts are hashed into; collisions of two busy hosts are rare."""
FREE, TIMES = 0.2, 5.0
"""Cap of a host in the upper tail: this fraction of the number expected of all flows, plus this multiple of
the number expected of its own."""
ONCE = 2.0
"""Cap per hour: this number, plus this multiple of the number expected of the host's other flows in it."""
FEWEST, MOST_FREE = 3.0, 30.0
LOOK = 0.1
"""Initial share of the flows examined for the tail."""
BLOCK_MS, BLOCK_FLOWS, MOST_BLOCKS = 3_600_000, 1000, 1 << 30
"""An hour in milliseconds; a number of flows where they have no times."""
A_DAY_MS = 86_400_000
KNOTS = 192


class Recent:
    """Surprises and hosts of the latest flows; every n-th flow of a fast stream, so that they span days.

    Parameters
    ----------
    most
        Capacity in flows.

    Attributes
    ----------
    total
        Number of flows added so far.
    """

    COLUMNS = ("surprise", "raw", "added", "src", "dst", "block")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.surprise: F32 = np.zeros(most, np.float32)
        self.raw: F32 = np.zeros(most, np.float32)
        self.added: F32 = np.zeros(most, np.float32)
        self.src: I32 = np.zeros(most, np.int32)
        self.dst: I32 = np.zeros(most, np.int32)
        self.block: I32 = np.zeros(most, np.int32)
        self.total = 0
        self._stride, self._skip = 1, 0
        self._turned_at, self._turned_ms = 0, 0

    def add(self, surprise: F64, raw: F32, added: F32, src: I32, dst: I32, time_ms: I64 | None) -> None:
        """Add a window.

        Parameters
        ----------
        surprise
            float64 [E].
        raw, added
            float32 [E] see `Parts`.
        src, dst
            int32 [E] class of each flow's hosts, see `classes`.
        time_ms
            int64 [E], if known.
        """
        e = surprise.shape[0]
        chosen = np.arange(self._skip, e, self._stride)
        self._skip = (self._skip - e) % self._stride
        self.total += int(chosen.shape[0])
        # the latest flows of a window larger than the ring
        chosen = chosen[-self.most :]
        number = self.total - chosen.shape[0] + np.arange(chosen.shape[0])
        at = number % self.most
        self.surprise[at], self.raw[at], self.added[at] = surprise[chosen], raw[chosen], added[chosen]
        self.src[at], self.dst[at] = src[chosen], dst[chosen]
        block = number // BLOCK_FLOWS if time_ms is None else time_ms[chosen] // BLOCK_MS
        self.block[at] = np.clip(block, 0, MOST_BLOCKS)
        if time_ms is not None and e:
            self._pace(max(int(np.median(time_ms)), 0))

    def enough(self, rate: float) -> bool:
        """Whether there are flows enough for a threshold at all."""
        return self.total >= max(EARLY, min(LEAST, SUPPORT / rate))

    @property
    def counted(self) -> int:
        """Number of flows that the threshold is computed from."""
        return min(self.total, self.most, max(int(PART * self.total), LEAST))

    def threshold(self, rate: float) -> np.float32:
        """Return the surprise exceeded by a share ``rate`` of the latest flows, without bursts.

        Returns
        -------
        float32
            Infinite where there are no flows.
        """
        rows, look = self._latest(), LOOK
        top, counts = self._strangest(rate)
        if not top.shape[0]:
            return np.float32(np.inf)
        while (told := np.cumsum(counts))[-1] <= rate * rows.shape[0] and look < 1:
            # more attacks than that: the flows below them decide
            look *= 3
            top, counts = self._strangest(rate, look)
        at = int(np.searchsorted(told, rate * rows.shape[0], side="right"))
        return np.nextafter(self.surprise[rows[top[min(at, top.shape[0] - 1)]]], np.float32(np.inf))

    def calibrate(self, evidence: bool = False) -> dict[str, TailMap]:
        """Fit calibration maps to the latest flows, and apply them to the stored values.

        Parameters
        ----------
        evidence
            Whether the sum with the other flows' evidence is calibrated by a second map.

        Returns
        -------
        dict
            ``fused``, and ``evidence`` if requested.
        """
        rows, usual = self._latest(), self._usual()
        held = slice(0, min(self.total, self.most))
        maps = {"fused": fit_far(self.raw[rows[usual]], KNOTS)}
        told = maps["fused"](self.raw[held])
        if evidence:
            told = told + self.added[held]
            maps["evidence"] = fit_far(told[rows[usual]], KNOTS)
            told = maps["evidence"](told)
        self.surprise[held] = told
        return maps

    def facts(self) -> dict[str, int]:
        """Return the numbers that `restore` needs beside the columns."""
        return {
            "total": self.total, "stride": self._stride, "skip": self._skip,
            "turned_at": self._turned_at, "turned_ms": self._turned_ms,
        }  # fmt: skip

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of the filled part of the columns."""
        held = min(self.total, self.most)
        return {name: getattr(self, name)[:held].copy() for name in self.COLUMNS}

    def restore(self, tensors: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, int]) -> None:
        """Restore from `tensors` and `facts`."""
        for name in self.COLUMNS:
            getattr(self, name)[: tensors[name].shape[0]] = tensors[name]
        self.total, self._stride, self._skip = facts["total"], facts["stride"], facts["skip"]
        self._turned_at, self._turned_ms = facts["turned_at"], facts["turned_ms"]

    def _latest(self) -> I64:
        """Return the positions of the flows in use, oldest first."""
        n = self.counted
        return (self.total - n + np.arange(n)) % self.most

    def _usual(self) -> Bool:
        """Mark the latest flows that are not part of a burst of a few hosts, bool [n]."""
        rows = self._latest()
        top, counts = self._strangest()
        usual = np.ones(rows.shape[0], np.bool_)
        usual[top[~counts]] = False
        return usual

    def _strangest(self, rate: float = 0.0, part: float = LOOK) -> tuple[I64, Bool]:
        """Return the upper tail of the latest flows (indexes, descending), and which of them count.

        Caps follow from the rate, or without one from the rank of each flow; of a part of the flows.
        """
        rows = self._latest()
        n = rows.shape[0]
        look = min(max(int(part * n), int(8 * rate * n), 100), n)
        if not look:
            return np.zeros(0, np.int64), np.zeros(0, np.bool_)
        surprise = self.surprise[rows]
        top = np.argpartition(surprise, n - look)[n - look :]
        # by value, then by age: independent of the partition's order
        top = top[np.lexsort((top, -surprise[top]))]
        # expected number of flows in the tail, or the rank of each
        deep = rate * n if rate else np.arange(1.0, look + 1.0)
        free = np.clip(FREE * deep, FEWEST, MOST_FREE if rate else None)
        counts = np.ones(look, np.bool_)
        for column in (self.src, self.dst):
            unit = column[rows]
            share = np.bincount(unit, minlength=UNITS)
            mine = unit[top]
            counts &= _nth(mine) < free + TIMES * deep * share[mine] / n
            # a burst ends within hours; a lasting change recurs hour after hour
            both = unit.astype(np.int64) << 32 | self.block[rows]
            usual = np.bincount(mine, minlength=UNITS)[unit] > 0
            usual[top] = False
            others = np.sort(both[usual])
            here = both[top]
            own = np.searchsorted(others, here, "right") - np.searchsorted(others, here, "left")
            counts &= _nth(here) < ONCE + TIMES * deep * own / n
        return top, counts

    def _pace(self, now_ms: int) -> None:
        """Once all flows were replaced: store every second flow if that took less than a day."""
        if not self._turned_ms:
            self._turned_ms = now_ms
        if self.total - self._turned_at < self.most:
            return
        if now_ms - self._turned_ms < A_DAY_MS:
            self._stride = min(2 * self._stride, 1 << 20)
        elif self._stride > 1 and now_ms - self._turned_ms > 4 * A_DAY_MS:
            self._stride //= 2
        self._turned_at, self._turned_ms = self.total, now_ms


class Parts(NamedTuple):
    """Components of a window's surprises.

    Attributes
    ----------
    raw
        float32 [E] before the map ``fused``.
    calibrated
        float32 [E] after it.
    added
        float32 [E] added by the other flows; zeros for a model without evidence.
    """

    raw: F32
    calibrated: F32
    added: F32


def apart(artifact: Artifact, scores: Scores) -> Parts:
    """Recover the components of a window's surprises from the maps."""
    told = scores.surprise.astype(np.float32)
    added = np.zeros_like(told)
    if scores.graph_part is not None:
        added = scores.graph_part
        told = np.maximum(inverse(artifact.tail("evidence"), told) - added, np.float32(0))
    return Parts(inverse(artifact.tail("fused"), told), told, added)


def classes(keys: npt.NDArray[np.uint64]) -> I32:
    """Return the class of each host from its salted key, int32 [N]."""
    return (keys >> np.uint64(48)).astype(np.int32)


def inverse(tail: TailMap, y: F32) -> F32:
    """Invert a map: the values with result ``y``, float32."""
    m, k = (float(v) for v in tail.tail)
    wide = y.astype(np.float64)
    first, last = float(tail.y[0]), float(tail.y[-1])
    out = np.interp(wide, tail.y, tail.x)
    low, high = wide < first, wide > last
    out[low] = float(tail.x[0]) + 1.0 - first / np.maximum(wide[low], 1e-30)
    over = wide[high] - last
    out[high] = float(tail.x[-1]) + (k * m * np.expm1(over / k) if np.isfinite(k) else over * m)
    found: F32 = np.clip(out, -1e30, 1e30).astype(np.float32)
    return found


def _nth(unit: I32 | I64) -> I64:
    """Return the number of earlier elements equal to each element, int64 [E]."""
    order = np.argsort(unit, kind="stable")
    grouped = unit[order]
    nth = np.empty(unit.shape[0], np.int64)
    nth[order] = np.arange(unit.shape[0]) - np.searchsorted(grouped, grouped, side="left")
    return nth
