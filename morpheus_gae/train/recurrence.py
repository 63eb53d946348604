"""Recurrence: what comes back is learnt from; a burst of what does not is set apart.

Training traffic is unlabelled, so it may hold attacks. The business of a network comes back, a campaign is a
stretch of time. So the training time is cut into 36 blocks. A pair of hosts is *confined* if all its flows
lie within two adjacent blocks and training goes on after them. Confined pairs are ordinary one by one (a page
read once, a host that looks a name up), so they are learnt from, unless they come as a burst: one source, or
one destination, with far more flows of confined pairs in a block than such hosts have elsewhere in the same
traffic, and than it has itself at other times. How many that are is read from the sizes of all of them:
traffic that comes in bursts by nature raises its own fence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.train.passes import note_blocks
from morpheus_gae.train.spool import blocks

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]

BLOCKS = 36
OUTLIERS = 0.005
"""Share of start times at either end that do not stretch the span: clocks that were never set."""
SMALLEST_BURST = 8
TIMES_USUAL = 2
"""A burst is beyond the fence even without so many times what its host usually has."""
ORDINARY = np.array([1, 1, 1, 1, 2, 2, 2, 3, 4, 6])
"""Sizes of ordinary units, so that a lone burst has something to stand apart from."""
FEWEST_IN_BLOCK = 100
FEWEST_KEPT = 0.5
"""Where less than this share of the flows would be left to learn from, bursts are what the traffic is."""


@dataclass(frozen=True)
class Bursts:
    """Flows of confined pairs that came together.

    Attributes
    ----------
    of
        int32 [E] number of the burst each flow is in, from 0; -1 for none.
    count
        How many there are.
    """

    of: I32
    count: int


def blocks_of(flows: Flows) -> U8:
    """uint8 [E] block of time, 0 to 35, that each flow lies in.

    By start time; by order where flows have none, or where it spans nothing or leaves most blocks empty
    (captures of different years strung together).
    """
    e = len(flows)
    if flows.time_ms is None or not e:
        return _by_order(e)
    ends = (int(OUTLIERS * e), e - 1 - int(OUTLIERS * e))
    first, last = (int(t) for t in np.partition(flows.time_ms, ends)[list(ends)])
    if last <= first:
        return _by_order(e)
    block = np.empty(e, np.uint8)
    for part in blocks(e):
        share = (flows.time_ms[part] - float(first)) / (last - first + 1.0)
        block[part] = np.clip(share * BLOCKS, 0, BLOCKS - 1)
    used = int((np.bincount(block, minlength=BLOCKS) > 0).sum())
    return block if used > BLOCKS // 2 else _by_order(e)


def _by_order(flows: int) -> U8:
    out = np.empty(flows, np.uint8)
    for part in blocks(flows):
        out[part] = np.arange(part.start, part.stop, dtype=np.int64) * BLOCKS // flows
    return out


def confined(graph: WindowGraph, block: U8) -> Bool:
    """Bool [P]: all flows of the pair lie within two adjacent blocks.

    Parameters
    ----------
    graph
        All training flows as one graph.
    block
        uint8 [E] block of time of each.
    """
    first, last = np.full(graph.pairs, BLOCKS, np.uint8), np.zeros(graph.pairs, np.uint8)
    for part in blocks(graph.flows):
        note_blocks(graph.pair[part], block[part], first, last)
    # what began at the end may go on: a new server, not a campaign
    past: Bool = (last - first < 2) & (last < BLOCKS - 2)
    return past


def bursts(graph: WindowGraph, block: U8, known: Bool | None = None) -> Bursts:
    """Bursts of confined pairs; of a flow's two hosts the one with the larger burst counts.

    Parameters
    ----------
    graph
        All training flows as one graph.
    block
        uint8 [E] block of time of each.
    known
        bool [P]: pairs that have come back, since they were there before.
    """
    of = np.full(graph.flows, -1, np.int32)
    alone = confined(graph, block)
    rows = np.flatnonzero((alone if known is None else alone & ~known)[graph.pair])
    if not rows.size:
        return Bursts(of, 0)
    when, pair = block[rows], graph.pair[rows]
    sides = [_Units(end[pair], when) for end in (graph.pair_src, graph.pair_dst)]
    limit = max([SMALLEST_BURST, *(fence(s.size) for s in sides)])
    source, target = (s.runs(limit) for s in sides)
    flows_of = [np.bincount(run + 1) for run in (source, target)]
    # entry 0 are the flows in no run
    for counts in flows_of:
        counts[0] = 0
    larger = flows_of[0][source + 1] >= flows_of[1][target + 1]
    chosen = np.where(larger, source, target + flows_of[0].shape[0])
    chosen[(source < 0) & (target < 0)] = -1
    inside = chosen >= 0
    number = np.full(int(chosen.max()) + 2, -1, np.int64)
    # numbered by their first flow
    ids, first, flows = np.unique(chosen[inside], return_index=True, return_counts=True)
    ids, first = ids[flows >= SMALLEST_BURST], first[flows >= SMALLEST_BURST]
    number[ids[np.argsort(first)]] = np.arange(ids.shape[0])
    of[rows[inside]] = number[chosen[inside]]
    return Bursts(of, int(ids.shape[0]))


class _Units:
    """Flows by host and block."""

    def __init__(self, host: I32, block: U8) -> None:
        self.host, self.block = host, block
        keys = np.sort(_keys(host, block))
        begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        self.key, self.size = keys[begins], np.diff(begins, append=keys.shape[0])
        # what a host that always meets strangers (a popular server, a group address) has in its other blocks
        whose = self.key // (BLOCKS + 2)
        total = np.bincount(whose, self.size)[whose]
        left, right = (self._size_of(self.key + step) for step in (-1, 1))
        self.usual = (total - self.size - left - right) / (BLOCKS - 3)

    def _size_of(self, key: I64) -> I64:
        at = np.minimum(np.searchsorted(self.key, key), self.key.shape[0] - 1)
        return np.where(self.key[at] == key, self.size[at], 0)

    def runs(self, limit: float) -> I32:
        """int32 [flows] run that each flow is in, or -1: units above the limit, with their neighbours."""
        large = self.key[self.size - TIMES_USUAL * self.usual > limit]
        part = np.isin(self.key, np.concatenate([large - 1, large, large + 1]))
        begins = part & ~np.concatenate([[False], part[:-1] & (np.diff(self.key) == 1)])
        run = np.where(part, np.cumsum(begins) - 1, -1).astype(np.int32)
        out = np.empty(self.host.shape[0], np.int32)
        for rows in blocks(out.shape[0]):
            out[rows] = run[np.searchsorted(self.key, _keys(self.host[rows], self.block[rows]))]
        return out


def _keys(host: I32, block: U8) -> I64:
    """int64 key of a host in a block, with two blocks of room: one host's are no neighbours of the next's."""
    key: I64 = host.astype(np.int64) * (BLOCKS + 2) + (block + np.int64(1))
    return key


def fence(size: I64) -> float:
    """Size above which a unit stands apart from the others.

    Sizes of ordinary units fall off about exponentially; the scale is read from the median and the ninth
    decile, which a few campaigns do not move, and the fence is where one ordinary unit in ten such traffics
    would lie.
    """
    value, count = np.unique(np.concatenate([size, ORDINARY]), return_counts=True)
    units = int(count.sum())
    below = np.cumsum(count)
    # a count of n stands for n - 1/2 to n + 1/2; nothing lies between one size and the next
    at = np.searchsorted(below, [0.5 * units, 0.9 * units])
    middle, high = value[at] + 0.5 - (below[at] - [0.5 * units, 0.9 * units]) / count[at]
    return float(high + (high - middle) / np.log(5) * np.log(units))


def find_bursts(flows: Flows, graph: WindowGraph, known: Bool | None = None) -> Bursts:
    """Bursts that are not to be learnt from.

    None in a capture with less than 100 flows a block, where coming back is luck, and none where they would
    leave less than half of the flows: then bursts are what the traffic is.

    Parameters
    ----------
    flows
        All training flows, in time order.
    graph
        Of them.
    known
        bool [P]: pairs that were there before.
    """
    none = Bursts(np.full(len(flows), -1, np.int32), 0)
    if len(flows) < BLOCKS * FEWEST_IN_BLOCK:
        return none
    found = bursts(graph, blocks_of(flows), known)
    return found if (found.of < 0).mean() >= FEWEST_KEPT else none
