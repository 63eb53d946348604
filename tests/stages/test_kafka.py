"""Topics on the host: positions travel with the messages, and what is delivered is committed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from morpheus_gae.errors import UsageError

pytest.importorskip("pandas")
pytest.importorskip("confluent_kafka")

from tests.kafka.conftest import broker, name
from tests.kafka.run import lines, origin

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

__all__ = ["broker", "name"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # a member that vanished is noticed after this
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_SESSION_TIMEOUT_MS", "6000")


def run_until(
    host: Any, c: Any, given: str, out: str, group: str, total: int, exactly_once: bool = False
) -> Any:
    """A pipeline that stops once so many rows were written."""
    seen: list[int] = []
    stages = host.stages
    source = stages.FromNetflowStage(c, [given], group=group)

    def look(message: Any) -> Any:
        seen.append(message.payload().count)
        if sum(seen) >= total:
            source.stop()
        return message

    return host.linear(
        c,
        source,
        stages.BuildGraphStage(c, 200, 1.0),
        stages.InferGaeStage(c, "toy"),
        stages.FlagAnomaliesStage(c, threshold=0.0),
        stages.ToAlertsStage(c, out, exactly_once=exactly_once),
        host.Apply(c, look),
    )


@pytest.mark.parametrize("exactly_once", [False, True])
def test_topic_to_topic(
    host: Any, toy: Any, broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch, exactly_once: bool
) -> None:
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID", name) if exactly_once else None
    given, out = broker.topic(f"{name}.in", 2), broker.topic(f"{name}.out", 2)
    broker.topic(f"{name}.out.dead")
    for p in (0, 1):
        messages = [lines(500 * p + i, 50) for i in range(0, 500, 50)]
        broker.produce(f"{name}.in", messages, partition=p)
    broker.produce(f"{name}.in", [b"garbage", lines(1000, 30)], partition=1)
    run_until(host, host.config(), given, out, name, 1030, exactly_once).run()
    assert broker.committed(name, f"{name}.in", 2) == [10, 12]
    found = [json.loads(m.value()) for m in broker.read(f"{name}.out", 1030, partitions=2)]
    expected = {(f"{name}.in", p, i // 50, i % 50): 500 * p + i for p in (0, 1) for i in range(500)}
    expected.update({(f"{name}.in", 1, 11, i): 1000 + i for i in range(30)})
    assert {origin(row): row["IN_BYTES"] for row in found} == expected
    assert len(found) == len(expected)
    assert len(broker.read(f"{name}.out.dead", 1)) == 1


def test_an_error_commits_nothing_that_is_not_delivered(
    host: Any, toy: Any, broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, out = broker.topic(f"{name}.in"), broker.topic(f"{name}.out")
    broker.topic(f"{name}.out.dead")
    broker.produce(f"{name}.in", [lines(i, 50) for i in range(0, 500, 50)])
    stock, scored = toy.score, []

    def score(graph: Any) -> Any:
        scored.append(graph)
        # the first is made up, to compile the kernels
        if len(scored) > 2:
            raise UsageError("that was enough")
        return stock(graph)

    toy.score = score
    with pytest.raises(UsageError, match="that was enough"):
        run_until(host, host.config(), given, out, name, 500).run()
    (done,) = broker.committed(name, f"{name}.in")
    assert done <= 4
    toy.score = stock
    run_until(host, host.config(), given, out, name, 500 - 50 * max(done, 0)).run()
    assert broker.committed(name, f"{name}.in") == [10]
    rows = {origin(json.loads(m.value())) for m in broker.read(f"{name}.out", 500)}
    assert rows == {(f"{name}.in", 0, i // 50, i % 50) for i in range(500)}


def test_topics_and_repeat_exclude_each_other(host: Any) -> None:
    with pytest.raises(UsageError, match="a topic can be read only once"):
        host.stages.FromNetflowStage(host.config(), ["kafka://localhost:1/t"], repeat=2)
