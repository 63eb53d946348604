"""Incidents in topics: keyed by id in every form; each flow is in one of them, wherever partitions go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

ck = pytest.importorskip("confluent_kafka")

import morpheus_gae.executors.open  # noqa: E402
from morpheus_gae.errors import GaeError, InputError  # noqa: E402
from tests.cli.toy_morpheus import open_toy  # noqa: E402
from tests.kafka.kills import PARTITIONS, done, give, last_records  # noqa: E402
from tests.kafka.run import Run, wait_until  # noqa: E402

if TYPE_CHECKING:
    from tests.kafka.broker import Broker


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)


def start(broker: Broker, topic: str, name: str, output: bool = True, **other: Any) -> Run:
    """A scorer that is a group of its own, from one topic to those of a name."""
    url = f"kafka://{broker.servers}"
    told = {"threshold": 0.999, "graph_size": 100, "window_seconds": 1e6, "pair_seconds": 0.0, **other}
    return Run(
        f"{url}/{topic}",
        f"{url}/{name}" if output else None,
        **{"group": name, "model": "toy", "incidents": f"{url}/{name}.incidents", **told},
    )


def topics(broker: Broker, name: str, *endings: str) -> None:
    for ending in endings:
        broker.topic(f"{name}{ending}", PARTITIONS)


def scored(broker: Broker, topic: str, name: str, messages: int, **other: Any) -> dict[str, dict[str, Any]]:
    """Incidents of a run that reads everything; its last records."""
    with start(broker, topic, name, **other) as run:
        run.until(lambda _: done(broker, topic, name, messages), "everything is committed")
    assert run.error is None
    return last_records(broker, f"{name}.incidents")


def test_alerts_and_incidents(broker: Broker, name: str) -> None:
    topics(broker, name, "", ".out", ".out.dead", ".out.incidents")
    give(broker, name, 50)
    last = scored(broker, name, f"{name}.out", 50)
    messages = list(broker.messages(f"{name}.out.incidents", 60.0, PARTITIONS, to_end=True))
    assert all(json.loads(m.value())["id"] == m.key().decode() for m in messages)
    assert {tuple(m.headers()) for m in messages} == {
        (("content-type", b"application/json"), ("model", b"toy@0123456789ab"))
    }
    assert len(messages) > len(last) > 2
    alerts = list(broker.messages(f"{name}.out", 60.0, PARTITIONS, to_end=True))
    # what grew by less than a tenth since it was told is told later
    assert 0.9 * len(alerts) <= sum(record["flows"] for record in last.values()) <= len(alerts)
    # nothing is over when a run on a topic is stopped
    assert "updated" in {record["state"] for record in last.values()}


@pytest.mark.parametrize(
    ("form", "id_of"),
    [
        ("ecs", lambda row: row["event"]["id"]),
        ("ocsf", lambda row: row["finding_info"]["uid"]),
        ("eve", lambda row: row["gae"]["incident"]["id"]),
    ],
)
def test_incidents_only_in_another_form(
    broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch, form: str, id_of: Any
) -> None:
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID", name)
    topics(broker, name, "", ".out.incidents", ".kept")
    give(broker, name, 10)
    told = {"incidents_only": True, "incident_encoding": form, "incident_state": f"{name}.kept"}
    last = scored(broker, name, f"{name}.out", 10, output=False, exactly_once=True, **told)
    assert [id_of(row) for row in last.values()] == list(last) != []


def test_incidents_go_with_their_partition(
    broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = f"{name}.whole", f"{name}.cut"
    for one in (whole, cut):
        topics(broker, one, "", ".dead", ".incidents", ".incidents.state")
    topics(broker, name, "")

    def begin(group: str, number: int) -> Run:
        monkeypatch.setenv("MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID", f"{group}-{number}")
        return start(broker, name, group, exactly_once=True)

    def held(run: Run) -> int:
        assert run.pipeline.topics is not None
        assert run.pipeline.topics.source is not None
        return len(run.pipeline.topics.source.ledger.keys())

    give(broker, name, 50)
    with begin(cut, 0) as first:
        first.until(lambda _: done(broker, name, cut, 50), "one has all")
        with begin(cut, 1) as second:
            wait_until(lambda: held(first) == held(second) == 1, "they share")
            give(broker, name, 50, first=50)
            second.until(lambda _: done(broker, name, cut, 100), "both have gone on")
            assert second.metrics.flows == 1000
        wait_until(lambda: held(first) == 2, "both partitions are back")
        give(broker, name, 50, first=100)
        first.until(lambda _: done(broker, name, cut, 150), "one goes on alone")
    assert (first.error, second.error) == (None, None)
    assert any(line.startswith("Going on with") for line in second.said)
    with begin(whole, 0) as run:
        run.until(lambda _: done(broker, name, whole, 150), "everything is committed")
    found = last_records(broker, f"{cut}.incidents")
    assert found == last_records(broker, f"{whole}.incidents")
    assert "closed" in {record["state"] for record in found.values()}


def test_what_is_read_again_is_counted_anew(
    broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID", name)
    out = f"{name}.out"
    topics(broker, name, "", ".out", ".out.dead", ".out.incidents", ".out.incidents.state")
    give(broker, name, 100)
    first = scored(broker, name, out, 100, exactly_once=True)
    kept = last_records(broker, f"{out}.incidents.state")
    back = ck.Consumer({"bootstrap.servers": broker.servers, "group.id": out})
    back.commit(offsets=[ck.TopicPartition(name, p, 0) for p in range(PARTITIONS)], asynchronous=False)
    back.close()
    with start(broker, name, out, exactly_once=True) as run:
        run.until(lambda _: done(broker, name, out, 100), "everything is committed again")
    url = f"kafka://{broker.servers}/{out}.incidents.state"
    assert f"Note: incidents of {name}/1 begin anew: {url} knows nothing so early" in run.said
    assert last_records(broker, f"{out}.incidents") == first
    assert last_records(broker, f"{out}.incidents.state") == kept


def test_what_is_kept_and_damaged_ends_the_run(
    broker: Broker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID", name)
    out = f"{name}.out"
    topics(broker, name, "", ".out", ".out.dead", ".out.incidents", ".out.incidents.state")
    give(broker, name, 10)
    scored(broker, name, out, 10, exactly_once=True)
    # as if the topic were not compacted, and its time had come
    key = next(k for k in last_records(broker, f"{out}.incidents.state") if "/1/incident." in k)
    producer = ck.Producer({"bootstrap.servers": broker.servers})
    producer.produce(f"{out}.incidents.state", None, key, headers=[("at", b"10")], partition=1)
    assert producer.flush(10) == 0
    give(broker, name, 5, first=10)
    run = start(broker, name, out, exactly_once=True)
    run.join()
    assert isinstance(run.error, InputError)
    assert f"{out}.incidents.state ({name}/1) is damaged: some of it is missing; remove the topic" in str(
        run.error
    )
    assert "\n" not in str(run.error)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"incident_state": "x"}, "--incident_state is for --exactly_once"),
        ({"incident_state": "a.incidents", "exactly_once": True}, "cannot keep open incidents"),
        ({"incidents": "-", "exactly_once": True}, "--incidents on the same Kafka cluster"),
    ],
)
def test_what_does_not_fit_together(other: dict[str, Any], words: str) -> None:
    class Nowhere:
        servers = "127.0.0.1:9"

    with pytest.raises(GaeError, match=words):
        start(Nowhere(), "in", "a", **other)  # type: ignore[arg-type]
