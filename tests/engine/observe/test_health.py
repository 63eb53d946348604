from __future__ import annotations

import pytest

from morpheus_gae.engine.observe.health import Health
from morpheus_gae.engine.run.embedded import EmbeddedEngine
from tests.engine.fakes import Collect, Double, Fail, Numbers


def test_a_stage_may_take_its_time_and_no_longer() -> None:
    now = [0.0]
    health = Health(stall_seconds=10, clock=lambda: now[0])
    health.at_work("infer-gae")
    now[0] = 10.0
    assert health.alive() == (True, "alive")
    now[0] = 12.0
    assert health.alive() == (False, "stage infer-gae has been in one item for 12 s")
    health.at_rest("infer-gae")
    assert health.alive()[0]


def test_ready_means_running_and_waiting_for_nothing() -> None:
    health = Health()
    assert not health.prepared()[0]
    health.ready = True
    assert health.prepared() == (True, "ready")
    health.waits_for = lambda: "partitions"
    assert health.prepared() == (False, "the source waits for partitions")


def test_a_source_says_what_it_lacks() -> None:
    health, source = Health(), Numbers([])
    EmbeddedEngine(source, [], health=health)
    health.ready = True
    assert health.prepared()[0]
    source.waits_for = "partitions of topic flows"
    assert health.prepared() == (False, "the source waits for partitions of topic flows")


def test_the_engine_tells() -> None:
    health, seen = Health(), []

    class Look(Double):
        def process(self, item: int) -> tuple[int, ...]:
            seen.append((health.ready, dict(health._since)))
            return (item,)

    EmbeddedEngine(Numbers([1]), [Look(), Collect()], health=health).run()
    (at_work,) = seen
    assert at_work[0]
    # the source is never at work: it waits for input
    assert set(at_work[1]) == {"double"}
    assert health._since == {}
    assert not health.ready
    assert health.alive()[0]
    with pytest.raises(ValueError, match="broken"):
        EmbeddedEngine(Numbers([1]), [Fail(1, ValueError("broken"))], health=health).run()
    assert health.alive() == (False, "stage fail has failed")
