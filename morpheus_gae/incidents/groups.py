"""Groups: the flagged flows of a window by their anchor, each group counted out.

All groups are sorted and counted together: most are of a few flows, for which array calls of their own would
cost more than what they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from morpheus_gae.incidents.anchors import Anchor, anchors
from morpheus_gae.incidents.flagged import Flagged, split_service
from morpheus_gae.incidents.incident import MEMBERS, SIZES, TIMES

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
FAR = np.iinfo(np.int64)


@dataclass(frozen=True)
class Group:
    """The flows of one anchor, in order of time; ties by id.

    Attributes
    ----------
    anchor
        What they have in common.
    ids
        Text [N].
    targets
        Address, protocol and port that each flow went to, [N].
    start
        Time of the first flow, milliseconds since the epoch; 0 where it has none.
    when
        Times of the first and the last flow's start; None unless all have times.
    seen
        First start and last end of the flows that have times; None if none has.
    times
        Latest start times, ascending, at most ``TIMES``.
    up, down, top, excess, parts
        As of ``Incident``.
    sources, destinations, services
        Names, ascending, and their flows; services by number.
    used
        Protocol and port with most flows; the lowest of ties.
    sizes
        Indices into ``Incident.sizes``, ascending, and their flows.
    members
        (surprise, id) of the most anomalous flows, descending.
    """

    anchor: Anchor
    ids: list[str]
    targets: list[tuple[str, int, int]]
    start: int
    when: tuple[int, int] | None
    seen: tuple[int, int] | None
    times: list[int]
    up: float
    down: float
    top: float
    excess: float
    parts: tuple[float, float, float]
    sources: tuple[list[str], list[int]]
    destinations: tuple[list[str], list[int]]
    services: tuple[list[str], list[int]]
    used: tuple[int, int]
    sizes: tuple[list[int], list[int]]
    members: list[tuple[float, str]]

    @property
    def middle(self) -> int:
        """Return the index of the median flow, the lower one of two, in ``Incident.sizes``."""
        left = (len(self.ids) - 1) // 2
        for size, count in zip(*self.sizes, strict=True):
            if left < count:
                return size
            left -= count
        return 0


def groups(flows: Flagged) -> Iterator[Group]:
    """Yield the flows of one window by anchor.

    Parameters
    ----------
    flows
        E flagged flows, at least one.
    """
    of, found = anchors(flows)
    texts = flows.ids.astype("U16")
    # ties by id, so the order of flows does not matter
    order = np.lexsort((texts, flows.start, of))
    of, texts = of[order], texts[order]
    timed, start, surprise = flows.timed[order], flows.start[order], flows.surprise[order]
    up, down, parts = flows.up[order], flows.down[order], flows.parts[order]
    excess = (surprise - flows.threshold[order]).clip(0.0)
    strange = np.lexsort((texts, -surprise, of))
    begins = np.r_[0, np.flatnonzero(np.diff(of)) + 1]
    bounds = [*begins.tolist(), len(of)]
    tops = np.maximum.reduceat(surprise, begins).tolist()
    every = np.logical_and.reduceat(timed, begins).tolist()
    firsts = np.minimum.reduceat(np.where(timed, start, FAR.max), begins).tolist()
    lasts = np.maximum.reduceat(np.where(timed, flows.end[order], FAR.min), begins).tolist()
    # by name: host numbers depend on the order of the flows
    ranked = np.argsort(flows.hosts)
    names: list[str] = flows.hosts[ranked].tolist()
    place = np.empty(len(names), np.int64)
    place[ranked] = np.arange(len(names))
    dst, service = place[flows.dst[order]], flows.service[order]
    sources, targets = _tallies(of, place[flows.src[order]]), _tallies(of, dst)
    services, sizes = _tallies(of, service), _tallies(of, powers(up + down))
    split = {number: split_service(number) for number in set(service.tolist())}
    told = {number: "{}/{}".format(*pair) for number, pair in split.items()}
    reached = [(names[host], *split[used]) for host, used in zip(dst.tolist(), service.tolist(), strict=True)]
    ids: list[str] = flows.ids[order].tolist()
    nats, ways, starts = surprise.tolist(), strange.tolist(), start.tolist()
    for i, (a, b) in enumerate(pairwise(bounds)):
        ports, flows_each = services[i]
        times = starts[a:b] if every[i] else start[a:b][timed[a:b]].tolist()
        pair, flow, graph = parts[a:b].sum(0).tolist()
        yield Group(
            anchor=found[i],
            ids=ids[a:b],
            targets=reached[a:b],
            start=starts[a],
            when=(starts[a], starts[b - 1]) if every[i] else None,
            seen=(firsts[i], lasts[i]) if times else None,
            times=times[-TIMES:],
            up=float(up[a:b].sum()),
            down=float(down[a:b].sum()),
            top=tops[i],
            excess=float(excess[a:b].sum()),
            parts=(pair, flow, graph),
            sources=_named(sources[i], names),
            destinations=_named(targets[i], names),
            services=([told[port] for port in ports], flows_each),
            used=split[ports[flows_each.index(max(flows_each))]],
            sizes=sizes[i],
            members=[(nats[row], ids[row]) for row in ways[a : min(b, a + MEMBERS)]],
        )


def powers(octets: F64) -> I64:
    """Return the index of each flow's bytes in ``Incident.sizes``, int64 [N]."""
    return np.minimum(np.ceil(np.log2(np.maximum(octets, 0.5) + 1)), SIZES - 1).astype(np.int64)


def _tallies(group: I64, values: I64) -> list[tuple[list[int], list[int]]]:
    """Return the distinct values of each group, ascending, and how often each occurs.

    Parameters
    ----------
    group
        int64 [E], ascending; each from 0 to the last occurs.
    values
        int64 [E], not negative.
    """
    width = int(values.max()) + 1
    pairs, counts = np.unique(group * width + values, return_counts=True)
    stops = np.flatnonzero(np.diff(pairs // width)) + 1
    bounds, told, often = [0, *stops.tolist(), len(pairs)], (pairs % width).tolist(), counts.tolist()
    return [(told[a:b], often[a:b]) for a, b in pairwise(bounds)]


def _named(tally: tuple[list[int], list[int]], names: Sequence[str]) -> tuple[list[str], list[int]]:
    return [names[number] for number in tally[0]], tally[1]
