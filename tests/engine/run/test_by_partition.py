"""By partition: each has windows of its own, cut alike however often they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.by_partition import ByPartition
from morpheus_gae.engine.run.operators import BuildGraph
from morpheus_gae.engine.run.pair_flows import PairFlows
from morpheus_gae.engine.window import Window
from morpheus_gae.flows.frame import Flows, Position
from morpheus_gae.flows.payloads.origin import with_origin
from morpheus_gae.flows.readers.read import table_to_flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.windows import Windower
from tests.flows import rows

TABLE = rows.table(600)


class Assigned:
    """Partitions that are ours until they are taken."""

    def __init__(self, cut: int | None = None) -> None:
        self.gone: set[str] = set()
        self.cut = cut

    def alive(self, source: str, partition: int) -> bool:
        return source not in self.gone

    def cut_of(self, source: str, partition: int) -> int | None:
        return self.cut


def make(assigned: Assigned, size: int = 10, wait: float = 5.0, clock: Any = None) -> ByPartition:
    metrics = Metrics()
    clock = clock or (lambda: 0.0)

    def parts() -> tuple[PairFlows, BuildGraph, Any]:
        cutter = Windower(size, whole_messages=True)
        build = BuildGraph(cutter, build_graph, metrics, wait, clock)
        return PairFlows(None, metrics), build, lambda: cutter.held

    return ByPartition(parts, assigned, size)


def flows(first: int, count: int, partition: int = 0, source: str = "t#1", each: int = 2) -> Flows:
    """Flows, ``each`` to a message; the message's offset follows from the flow."""
    numbers = np.arange(first, first + count)
    batch = table_to_flows(TABLE.take(numbers)).flows
    done = Position(source, partition, (first + count) // each)
    return with_origin(batch, "t", partition, numbers // each, numbers % each, done)


def ends(windows: list[Window]) -> list[tuple[int, int, bool]]:
    """Partition, end and earliness of each window."""
    return [(w.origin.partition, w.flows.done[-1].offset, w.origin.early) for w in windows if w.origin]


def test_partitions_do_not_mix() -> None:
    stage = make(Assigned())
    got = [*stage.process(flows(0, 6, 0)), *stage.process(flows(0, 8, 1)), *stage.process(flows(6, 6, 0))]
    assert ends(got) == [(0, 5, False)]
    assert ends(list(stage.finish())) == [(0, 6, True), (1, 4, True)]


def test_the_clock_ends_the_window_that_waits_longest() -> None:
    now = [0.0]
    stage = make(Assigned(), clock=lambda: now[0])
    list(stage.process(flows(0, 2, 0)))
    now[0] = 3.0
    list(stage.process(flows(0, 2, 1)))
    assert stage.deadline() == 5.0
    assert ends(list(stage.expire())) == [(0, 1, True)]
    assert stage.deadline() == 8.0
    assert ends(list(stage.expire())) == [(1, 1, True)]
    assert stage.deadline() is None


def test_flows_of_another_are_dropped() -> None:
    assigned = Assigned()
    stage = make(assigned)
    list(stage.process(flows(0, 6, 0)))
    assigned.gone.add("t#1")
    assert list(stage.process(flows(6, 6, 0))) == []
    assert list(stage.finish()) == []
    assert ends(list(stage.process(flows(0, 10, 0, "t#2")))) == [(0, 5, False)]


def test_memory_ends_the_fullest_window() -> None:
    stage = make(Assigned())
    got = [w for p in range(8) for w in stage.process(flows(0, 4 + 2 * (p == 3), p))]
    assert got == []
    got = [w for p in range(8, 12) for w in stage.process(flows(0, 4, p))]
    assert ends(got)[0] == (3, 3, True)
    assert all(early for _, _, early in ends(got))


@given(st.integers(1, 30), st.lists(st.integers(1, 10), min_size=1, max_size=20))
def test_a_window_that_ended_early_ends_there_again(end: int, sizes: list[int]) -> None:
    """Read again in other batches, the flows are in the same windows."""
    stage = make(Assigned(cut=end))
    at, got = 0, []
    for size in [*sizes, 30]:
        got += list(stage.process(flows(at, 2 * size)))
        at += 2 * size
        if at >= 160:
            break
    expected = [min(start + 10, 2 * end) // 2 for start in range(0, 2 * end, 10)]
    cuts = [w.flows.done[-1].offset for w in got]
    assert end in cuts
    assert cuts[: cuts.index(end) + 1] == expected
