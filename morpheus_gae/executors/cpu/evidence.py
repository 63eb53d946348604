"""Evidence over the graph on the CPU: two passes over the flows, one over the pairs; see `model.evidence`.

Most flows are ordinary and send nothing. So the first pass adds up what there is, and the pairs' pass marks
the few whose flows can be raised at all: the others are only calibrated once more. What counts add
(`cpu_activity`) is told with the evidence.

Which flows are strange is chance, and no processor guesses chance well: so a block of flows is first put
into a list without a branch, and what the list names is asked of memory before the first is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.activity import CpuActivity
from morpheus_gae.executors.cpu.math import FAST, probability_fast
from morpheus_gae.executors.cpu.pairs import Hosts
from morpheus_gae.executors.cpu.tail import Tail, map_tail, tail_of
from morpheus_gae.graph import parallel
from morpheus_gae.graph.prefetch import prefetch
from morpheus_gae.model.evidence import FROM, MOST, MOST_KNOWN, MOST_SOURCE, ONE, UPTO, Evidence
from morpheus_gae.model.ties import FINE

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

SPAN = 256
"""Flows of a block."""
AHEAD = 16
"""Pairs between asking for what their past has and using it."""
PAIR_GRAIN, FLOW_GRAIN = 16_384, 16_384
_FROM, _UPTO, _ONE, _ZERO = np.float32(FROM), np.float32(UPTO), np.float32(ONE), np.float32(0)


class Curve(NamedTuple):
    """What the kernels read of the model: the curve for new pairs, and the numbers of `Evidence`."""

    x: F64
    y: F64
    slope: F64
    flows: float
    pairs: float


def curve_of(evidence: Evidence) -> Curve:
    """With slopes, so that a look-up is a search, a product and a sum."""
    x, y = (v.astype(np.float64) for v in (evidence.new_x, evidence.new_y))
    return Curve(x, y, np.append(np.diff(y) / np.diff(x), 0.0), evidence.flows, evidence.pairs)


@njit(cache=True, nogil=True, inline="always")
def _coarse(bits: np.int64) -> np.float32:
    """The float32 that a surprise refines."""
    return np.float32(np.int64(bits & ~np.int64(FINE)).view(np.float64))


@njit(cache=True, nogil=True)
def flows_to_pairs(bits: I64, pair: I32, total: I64) -> None:
    """Add the flows' evidence up (`evidence_of`): ``total`` int64 [P], zeros before."""
    own, chosen = np.zeros(SPAN, np.float32), np.empty(SPAN + 1, np.int32)
    for start in range(0, bits.shape[0], SPAN):
        count = min(SPAN, bits.shape[0] - start)
        for j in range(count):
            own[j] = min(max(_coarse(bits[start + j]) - _FROM, _ZERO), _UPTO) * _ONE
        m = 0
        for j in range(count):
            chosen[m] = j
            m += int(own[j] > _ZERO)
        for k in range(m):
            prefetch(total, pair[start + chosen[k]])
        for k in range(m):
            total[pair[start + chosen[k]]] += np.int64(np.rint(own[chosen[k]]))


@njit(cache=True, nogil=True, inline="always")
def _mean(total: np.int64, count: np.int32) -> np.int64:
    """``total // count``, which takes several times as long.

    Means are below 2**23: no quotient by less than 2**29 flows is rounded up to a whole number.
    """
    return np.int64(np.float64(total) / np.float64(count))


@njit(cache=True, nogil=True)
def pairs_to_sources(total: I64, count: I32, pair_src: I32, sums: I64) -> None:
    """Add the pairs' means up: ``sums`` int64 [N, 2], pairs of each source and what it received, zeros
    before.
    """
    for p in range(total.shape[0]):
        of_source = sums[pair_src[p]]
        of_source[0] += 1
        of_source[1] += _mean(total[p], count[p])


@njit(cache=True, nogil=True)
def back_to_pairs(
    lo: int, hi: int, total: I64, count: I32, pair_src: I32, sums: I64,
    expected: F32, row: I32, past: F32, scale: float, curve: Curve, more: F32, marked: Bool, told: F32,
) -> None:  # fmt: skip
    """What the flows of pairs ``lo:hi`` are told.

    Parameters
    ----------
    sums
        See ``pairs_to_sources``.
    expected
        float32 [N] mean of each source's past.
    row
        int32 [P] of the pairs in memory, -1 where unknown.
    past
        float32 [Q] mean of each known pair's past.
    scale
        Of the sums of new pairs.
    more
        float32 [P] what counts add, or [0].
    marked
        bool [P], written: there is something to tell.
    told
        float32 [P, 4], written where marked: what the source adds; then a and b, where a flow with evidence
        m is raised by ``a - b m`` in a known pair, and by the curve at ``a + b m`` in a new one, b < 0; then
        what counts add.
    """
    counted = more.shape[0] > 0
    for p in range(lo, hi):
        ahead = min(p + AHEAD, hi - 1)
        prefetch(past, max(row[ahead], 0))
        prefetch(sums[pair_src[ahead]], 0)
        s = pair_src[p]
        pairs, received = sums[s, 0], sums[s, 1]
        source = 0.0
        if received and pairs > 1:
            mean = _mean(total[p], count[p])
            number = float(pairs - 1)
            source = ((received - mean) / ONE - number * expected[s]) / (number + curve.pairs)
            source = min(max(source, 0.0), MOST_SOURCE)
        several = total[p] > 0 and count[p] > 1
        number = float(count[p]) - 1
        of_pair = 0.0
        if several and row[p] >= 0:
            of_pair = (total[p] / ONE - number * past[row[p]]) / (number + curve.flows)
            # no flow of a known pair gains more than this
            several = of_pair > 0
        marked[p] = source > 0 or several or (counted and more[p] > 0)
        if not marked[p]:
            continue
        told[p, 0], told[p, 1], told[p, 2], told[p, 3] = source, 0, 0, more[p] if counted else 0
        if several:
            if row[p] >= 0:
                told[p, 1], told[p, 2] = of_pair, 1 / (number + curve.flows)
            else:
                told[p, 1], told[p, 2] = total[p] / ONE * scale, -scale


@njit(cache=True, nogil=True)
def _on_curve(v: float, curve: Curve) -> float:
    x = curve.x
    if v <= x[0]:
        return curve.y[0]
    low, high = 0, x.shape[0]
    while high - low > 1:
        middle = (low + high) >> 1
        if x[middle] <= v:
            low = middle
        else:
            high = middle
    return curve.y[low] + curve.slope[low] * (v - x[low])


@njit(cache=True, nogil=True, fastmath=FAST)
def back_to_flows(
    lo: int, hi: int, pair: I32, marked: Bool, told: F32, curve: Curve, tail: Tail,
    bits: I64, score: F32, added: F32, of_counts: F32,
) -> None:  # fmt: skip
    """Raise and calibrate flows ``lo:hi``: ``bits`` (of the surprises) and ``score`` are written anew.

    Whole blocks, so that a flow's bits do not depend on where it stands. ``added`` float32 [E], and what
    counts have of it, ``of_counts`` [E] or [0], are written.
    """
    counted = of_counts.shape[0] > 0
    work, out, knot = np.ones(SPAN, np.float32), np.ones(SPAN, np.float32), np.empty(SPAN, np.int32)
    # what is written to the large arrays out of order holds up what is read of others: so it has its own room
    plus, counts = np.zeros(SPAN, np.float32), np.zeros(SPAN, np.float32)
    chosen = np.empty(SPAN + 1, np.int32)
    for start in range(lo, hi, SPAN):
        count = min(SPAN, hi - start)
        m = 0
        for j in range(count):
            chosen[m] = j
            m += int(marked[pair[start + j]])
        for k in range(m):
            prefetch(told[pair[start + chosen[k]]], 0)
        for j in range(count):
            work[j] = _coarse(bits[start + j])
            plus[j] = counts[j] = _ZERO
        for k in range(m):
            j = chosen[k]
            tell = told[pair[start + j]]
            a, b = float(tell[1]), float(tell[2])
            own = float(min(max(work[j] - _FROM, _ZERO), _UPTO))
            raised = min(max(a - b * own, 0.0), MOST_KNOWN) if b >= 0 else _on_curve(a + b * own, curve)
            plus[j] = min(raised + float(tell[0]), MOST) + float(tell[3])
            counts[j] = tell[3]
        for j in range(SPAN):
            work[j] += plus[j]
        for j in range(count):
            added[start + j] = plus[j]
            if counted:
                of_counts[start + j] = counts[j]
        map_tail(work, tail, knot, out)
        for j in range(SPAN):
            work[j] = probability_fast(out[j])
        for j in range(count):
            i = start + j
            score[i] = work[j]
            bits[i] = np.float64(out[j]).view(np.int64) | (bits[i] & np.int64(FINE))


class CpuEvidence:
    """Raises the scores of a window.

    Parameters
    ----------
    artifact
        With evidence.
    """

    def __init__(self, artifact: Artifact) -> None:
        evidence = artifact.evidence
        self.pair, self.window = evidence.pair, evidence.window
        # the last one is for hosts that memory does not know, which are at -1
        self.source = np.append(evidence.source, np.float32(evidence.unknown))
        self.curve, self.tail = curve_of(evidence), tail_of(artifact.tail("evidence"))
        self.activity = CpuActivity(artifact) if artifact.spec.activity else None

    def __call__(
        self, graph: WindowGraph, hosts: Hosts, row: I32, score: F32, surprise: F64
    ) -> tuple[F32, F32 | None]:
        """float32 [E] nats that were added, and what counts have of them.

        Parameters
        ----------
        row
            int32 [P] of the pairs in memory, -1 where unknown.
        score, surprise
            Written anew.
        """
        bits, p = surprise.view(np.int64), graph.pairs
        total = np.zeros(p, np.int64)
        flows_to_pairs(bits, graph.pair, total)
        sums = np.zeros((graph.hosts, 2), np.int64)
        pairs_to_sources(total, graph.pair_flows, graph.pair_src, sums)
        marked, told = np.empty(p, np.bool_), np.empty((p, 4), np.float32)
        expected, scale = self.source[hosts.found], min(1.0, self.window / graph.flows)
        more = np.empty(0 if self.activity is None else p, np.float32)
        count = None if self.activity is None else self.activity(graph, hosts, row, more)
        added = np.empty(graph.flows, np.float32)
        of_counts = np.empty(0 if self.activity is None else graph.flows, np.float32)

        def to_pairs(lo: int, hi: int) -> None:
            if count is not None:
                count(lo, hi)
            back_to_pairs(
                lo, hi, total, graph.pair_flows, graph.pair_src, sums, expected, row, self.pair,
                scale, self.curve, more, marked, told,
            )  # fmt: skip

        def to_flows(lo: int, hi: int) -> None:
            back_to_flows(
                lo, hi, graph.pair, marked, told, self.curve, self.tail, bits, score, added, of_counts
            )

        parallel.run(to_pairs, p, PAIR_GRAIN)
        parallel.run(to_flows, graph.flows, FLOW_GRAIN)
        return added, None if self.activity is None else of_counts
