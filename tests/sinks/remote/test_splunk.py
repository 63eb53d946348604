from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.remote.http import Http
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.secrets import Secrets
from morpheus_gae.sinks.remote.splunk import HecPost
from morpheus_gae.sinks.remote.target import parse_target
from tests.detect.test_encodings import alerts
from tests.sinks.remote.servers import Count
from tests.sinks.remote.web import Reply, Request, Web, opened

TOKEN = {"MORPHEUS_GAE_OUTPUT_TOKEN": "hunter2"}


def said(status: int, code: int, text: str, **more: Any) -> Reply:
    return Reply(status, json.dumps({"text": text, "code": code, **more}).encode())


class Collector:
    """An HTTP Event Collector as its documentation tells.

    Parameters
    ----------
    bad
        Ids of events that it does not take, nor those that come with them.
    acknowledges
        How often it is asked about a batch until it is written; None knows no acknowledgements.
    """

    def __init__(
        self, bad: frozenset[str] = frozenset(), acknowledges: int | None = None, most_bytes: int = 1 << 30
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self._bad, self._acknowledges, self._most = bad, acknowledges, most_bytes
        self._asked: dict[int, int] = {}
        self._batches: list[list[dict[str, Any]]] = []

    def __call__(self, request: Request) -> Reply:
        assert request.headers["authorization"] == "Splunk hunter2"
        path, _, query = request.path.partition("?")
        if path == "/services/collector/health":
            return said(200, 17, "HEC is healthy")
        if path == "/services/collector/ack":
            assert query.startswith("channel=")
            (number,) = request.json()["acks"]
            self._asked[number] = self._asked.get(number, 0) + 1
            if written := self._asked[number] >= (self._acknowledges or 0):
                self.events += self._batches[number]
            return Reply(200, json.dumps({"acks": {str(number): written}}).encode())
        assert path == "/services/collector/event"
        if len(request.body) > self._most:
            return said(413, 27, "Request entity too large")
        if self._acknowledges is not None and "x-splunk-request-channel" not in request.headers:
            return said(400, 10, "Data channel is missing")
        events = list(map(json.loads, request.body.splitlines()))
        if any(event["fields"]["id"] in self._bad for event in events):
            return said(400, 6, "Invalid data format", **{"invalid-event-number": 0})
        if self._acknowledges is None:
            self.events += events
            return said(200, 0, "Success")
        self._batches.append(events)
        return said(200, 0, "Success", ackId=len(self._batches) - 1)

    @property
    def ids(self) -> list[str]:
        return [event["fields"]["id"] for event in self.events]


def url(web: Web, query: str = "") -> str:
    return f"splunk+http://127.0.0.1:{web.port}{query}"


def test_alerts_are_events() -> None:
    collector, count = Collector(), Count()
    with Web(collector) as web:
        out = opened(url(web, "?index=net&sourcetype=gae&source=probe"), count, "ecs", environment=TOKEN)
        out.add(alerts())
        out.flush()
        out.close()
    first = collector.events[0]
    assert first["time"] == 1_741_593_600.231
    assert [first[name] for name in ("index", "sourcetype", "source")] == ["net", "gae", "probe"]
    assert first["event"]["event"]["id"] == first["fields"]["id"]
    assert first["fields"]["severity"] == "medium"
    assert count.counts["delivered_alerts"] == 3


def test_what_is_not_told_is_usual() -> None:
    collector = Collector()
    with Web(collector) as web:
        out = opened(url(web), environment=TOKEN)
        out.add(pa.table({"id": ["1"], "kind": ["incident"]}))
        out.flush()
        out.close()
    (event,) = collector.events
    assert (event["source"], event["sourcetype"]) == ("morpheus_gae", "morpheus_gae:incident")
    assert "index" not in event


FAULTS = [
    said(503, 9, "Server is busy"),
    said(500, 8, "Internal server error"),
    said(429, 26, "Queue is full"),
    Reply(does="reset"),
    Reply(does="answer"),
]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(st.sampled_from(FAULTS), max_size=8),
    bad=st.frozensets(st.integers(0, 19), max_size=5),
    batch=st.integers(1, 9),
    most_bytes=st.sampled_from([700, 1 << 20]),
    acknowledges=st.sampled_from([None, 1]),
)
def test_each_alert_is_once_at_the_server_or_in_the_file_whatever_goes_wrong(
    tmp_path_factory: pytest.TempPathFactory,
    plan: list[Reply],
    bad: set[int],
    batch: int,
    most_bytes: int,
    acknowledges: int | None,
) -> None:
    path, count = tmp_path_factory.mktemp("t") / "refused.jsonl", Count()
    collector = Collector(frozenset(map(str, bad)), acknowledges, most_bytes)
    told = f"?batch={batch}{'' if acknowledges is None else '&ack=true'}"
    # a question about an acknowledgement that fails costs a pause: none here
    plan = plan if acknowledges is None else plan[:1]
    with Web(collector, plan) as web:
        out = opened(url(web, told), count, refused=str(path), environment=TOKEN)
        out.add(pa.table({"id": [str(i) for i in range(20)]}))
        out.flush()
        out.close()
    kept = [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []
    assert sorted(collector.ids + kept, key=int) == [str(i) for i in range(20)]
    assert set(map(int, kept)) == bad
    assert count.counts["delivered_alerts"] + count.counts.get("refused_alerts", 0) == 20


def test_an_answer_that_is_lost_sends_an_event_twice_under_one_id() -> None:
    collector = Collector()
    with Web(collector, [Reply(does="lose")]) as web:
        out = opened(url(web), environment=TOKEN)
        out.add(pa.table({"id": ["1"]}))
        out.flush()
        out.close()
    assert collector.ids == ["1", "1"]


def test_after_a_failure_the_collector_is_asked_how_it_is() -> None:
    unwell = said(503, 18, "HEC is unhealthy, queues are full")
    with Web(Collector(), [said(503, 9, "Server is busy"), unwell]) as web:
        out = opened(url(web), environment=TOKEN)
        out.add(pa.table({"id": ["1"]}))
        out.flush()
        out.close()
    paths = [request.path.rpartition("/")[2] for request in web.requests]
    assert paths == ["event", "health", "health", "event"]


def post(web: Web, **told: Any) -> HecPost:
    http = Http(parse_target(url(web)), Secrets(), {"Authorization": "Splunk hunter2"})
    return HecPost(http, acknowledged=True, **told)


ONE = [Record(b"{}", "1", 0, 0, "")]


def test_what_an_indexer_has_not_written_is_asked_about_with_growing_pauses() -> None:
    waits: list[float] = []
    # the second question is one that fails
    with Web(Collector(acknowledges=4), [Reply(does="answer"), Reply(does="answer"), Reply(503)]) as web:
        one = post(web, wait=waits.append, clock=lambda: 0.0)
        answer = one.post(ONE)
        assert (list(answer.again), list(answer.refused)) == ([], [])
        one.close()
    assert waits == [0.1, 0.2, 0.4, 0.8]
    assert len({request.headers.get("x-splunk-request-channel") for request in web.requests}) == 2


def test_what_is_never_written_is_to_be_sent_again() -> None:
    times = iter(range(0, 1000, 50))
    with Web(Collector(acknowledges=99)) as web:
        one = post(web, wait=lambda _: None, clock=lambda: float(next(times)))
        with pytest.raises(Transient, match="nothing was acknowledged for 120 s"):
            one.post(ONE)
        one.close()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (said(400, 7, "Incorrect index"), r"name another with \?index="),
        (said(400, 10, "Data channel is missing"), r"add \?ack=true"),
        (said(403, 4, "Invalid token hunter2"), r"does not let us in: .*Invalid token \*\*\*"),
        (said(404, 0, "The requested URL was not found"), "takes nothing there"),
    ],
)
def test_what_is_about_the_token_ends_the_run(reply: Reply, message: str, tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    with Web(lambda _: reply) as web:
        out = opened(url(web), refused=str(path), environment=TOKEN)
        out.add(alerts())
        with pytest.raises(OutputError, match=message):
            out.flush()
        out.close()
    assert not path.exists()


def test_acknowledgements_that_the_token_does_not_know_are_told() -> None:
    with Web(Collector()) as web, pytest.raises(OutputError, match=r"leave \?ack=true out"):
        post(web).post(ONE)


@pytest.mark.parametrize(
    ("query", "environment", "message"),
    [
        ("", {}, "OUTPUT_TOKEN"),
        ("?ack=maybe", TOKEN, "ack is true or false"),
        ("?x=1", TOKEN, "known are index"),
    ],
)
def test_mistakes_are_told_at_the_start(query: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        opened(f"splunk+https://h{query}", environment=environment)
