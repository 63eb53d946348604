from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import OutputError, UsageError
from tests.detect.test_encodings import alerts
from tests.sinks.remote.servers import Count
from tests.sinks.remote.web import Reply, Request, Web, opened

BUSY = {"type": "es_rejected_execution_exception", "reason": "rejected execution of primary operation"}
FULL = {"type": "cluster_block_exception", "reason": "index [alerts] blocked by: [disk is full]"}
ODD = {"type": "document_parsing_exception", "reason": "failed to parse field [n] of type [long]"}


class Cluster:
    """A bulk API as it is published: create and index, external versions, an answer for each item in order.

    Parameters
    ----------
    bad
        Ids of documents that no mapping takes.
    items
        Errors of the first items that come, by status; None takes one.
    most_bytes
        Of a request.
    """

    def __init__(
        self,
        bad: frozenset[str] = frozenset(),
        items: list[tuple[int, dict[str, str]] | None] | None = None,
        most_bytes: int = 1 << 30,
    ) -> None:
        self.documents: dict[str, Any] = {}
        self.versions: dict[str, int] = {}
        self._bad, self._items, self._most = bad, list(items or []), most_bytes

    def __call__(self, request: Request) -> Reply:
        assert request.path.startswith("/alerts/_bulk?filter_path=errors,items")
        assert request.headers["content-type"] == "application/x-ndjson"
        if len(request.body) > self._most:
            return Reply(413, b"")
        assert request.body.endswith(b"\n")
        lines = [json.loads(line) for line in request.body.splitlines()]
        items = [self._item(action, row) for action, row in zip(lines[::2], lines[1::2], strict=True)]
        told = {"errors": any(next(iter(item.values()))["status"] >= 300 for item in items), "items": items}
        return Reply(200, json.dumps(told).encode())

    def _item(self, action: dict[str, Any], document: Any) -> dict[str, Any]:
        ((does, told),) = action.items()
        fault = self._items.pop(0) if self._items else None
        if fault is not None:
            return {does: {"status": fault[0], "error": fault[1]}}
        name = told["_id"]
        if name in self._bad:
            return {does: {"status": 400, "error": ODD}}
        conflict = {"type": "version_conflict_engine_exception", "reason": "version conflict"}
        if does == "create":
            if name in self.documents:
                return {does: {"status": 409, "error": conflict}}
        else:
            assert told["version_type"] == "external_gte"
            if told["version"] < self.versions.get(name, 0):
                return {does: {"status": 409, "error": conflict}}
            self.versions[name] = told["version"]
        self.documents[name] = document
        return {does: {"status": 201}}


def url(web: Web, rest: str = "", kind: str = "elasticsearch") -> str:
    return f"{kind}+http://127.0.0.1:{web.port}/alerts{rest}"


@pytest.mark.parametrize(("kind", "scheme"), [("elasticsearch", "ApiKey"), ("opensearch", "Bearer")])
def test_alerts_are_documents_under_their_id_however_often_they_come(kind: str, scheme: str) -> None:
    cluster, count = Cluster(), Count()
    with Web(cluster) as web:
        out = opened(url(web, kind=kind), count, "ecs", environment={"MORPHEUS_GAE_OUTPUT_TOKEN": "hunter2"})
        for _ in range(2):
            out.add(alerts())
            out.flush()
        out.close()
    assert count.counts["delivered_alerts"] == 6
    assert len(cluster.documents) == 3
    assert all(document["event"]["id"] == name for name, document in cluster.documents.items())
    assert web.requests[0].headers["authorization"] == f"{scheme} hunter2"


REQUESTS = [
    *(Reply(503, b"{}"), Reply(429, b"{}"), Reply(502, b"<html>"), Reply(does="reset"), Reply(does="lose")),
    *(Reply(does="answer"), Reply(does="answer")),
]
ITEMS = [None, None, (429, BUSY), (403, FULL), (503, {"type": "unavailable_shards_exception", "reason": ""})]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(st.sampled_from(REQUESTS), max_size=8),
    items=st.lists(st.sampled_from(ITEMS), max_size=40),
    bad=st.frozensets(st.integers(0, 19), max_size=5),
    batch=st.integers(1, 9),
    most_bytes=st.sampled_from([150, 1 << 20]),
)
def test_each_alert_is_once_in_the_index_or_in_the_file_whatever_goes_wrong(
    tmp_path_factory: pytest.TempPathFactory,
    plan: list[Reply],
    items: list[Any],
    bad: set[int],
    batch: int,
    most_bytes: int,
) -> None:
    path, count = tmp_path_factory.mktemp("t") / "refused.jsonl", Count()
    cluster = Cluster(frozenset(map(str, bad)), items, most_bytes)
    with Web(cluster, plan) as web:
        out = opened(url(web, f"?batch={batch}"), count, refused=str(path))
        out.add(pa.table({"id": [str(i) for i in range(20)]}))
        out.flush()
        out.close()
    kept = [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []
    assert sorted([*cluster.documents, *kept], key=int) == [str(i) for i in range(20)]
    assert set(map(int, kept)) == bad
    assert count.counts["delivered_alerts"] + count.counts.get("refused_alerts", 0) == 20


@settings(max_examples=40)
@given(
    states=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=20),
    items=st.lists(st.sampled_from(ITEMS), max_size=30),
    batch=st.integers(1, 9),
    back=st.integers(0, 20),
)
def test_of_an_incident_the_last_state_stays(
    states: list[tuple[str, int]], items: list[Any], batch: int, back: int
) -> None:
    # times of the states of one incident never go back, some agree
    times = [sum(step for _, step in states[: i + 1]) for i in range(len(states))]
    names = [name for name, _ in states]
    table = pa.table(
        {"id": names, "time": times, "n": range(len(states)), "kind": ["incident"] * len(states)}
    )
    cluster = Cluster(items=items)
    with Web(cluster) as web:
        for start in (0, min(back, len(states) - 1)):
            # a run that was killed goes on a little before where it was
            out = opened(url(web, f"?batch={batch}"), updates=True)
            out.add(table.slice(start))
            out.flush()
            out.close()
    last = {name: i for i, name in enumerate(names)}
    assert {name: document["n"] for name, document in cluster.documents.items()} == last


def test_what_no_mapping_takes_is_told_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    with Web(Cluster(frozenset({"1"}))) as web:
        out = opened(url(web), refused=str(path))
        out.add(pa.table({"id": ["0", "1", "2"]}))
        out.flush()
        out.close()
    (kept,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert kept["detail"] == "400 document_parsing_exception: failed to parse field [n] of type [long]"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "index_not_found_exception", "reason": "no such index [alerts]"}, "no such index"),
        ({"type": "security_exception", "reason": "unauthorized for hunter2"}, r"unauthorized for \*\*\*"),
        (
            {"type": "illegal_argument_exception", "reason": "only write ops with an op_type of create are"},
            "op_type of create",
        ),
    ],
)
def test_what_is_about_the_index_ends_the_run(error: dict[str, str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "refused.jsonl"
    with Web(Cluster(items=[None, (400, error)])) as web:
        told = {"MORPHEUS_GAE_OUTPUT_USERNAME": "me", "MORPHEUS_GAE_OUTPUT_PASSWORD": "hunter2"}
        out = opened(url(web), refused=str(path), environment=told)
        out.add(pa.table({"id": ["0", "1", "2"]}))
        with pytest.raises(OutputError, match=said):
            out.flush()
        out.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "body", [b"<html>hello", b"{}", b'{"items":[]}', b'{"items":[{"create":{}}]}', b"[1]"]
)
def test_what_is_no_bulk_api_is_told(body: bytes) -> None:
    with Web(lambda _: Reply(200, body)) as web:
        out = opened(url(web))
        out.add(pa.table({"id": ["0"]}))
        with pytest.raises(OutputError, match="no answer of a bulk API"):
            out.flush()
        out.close()


def test_a_record_without_an_id_gets_one_there() -> None:
    def answers(request: Request) -> Reply:
        assert request.body == b'{"create":{}}\n{"n":1}\n'
        return Reply(200, b'{"items":[{"create":{"status":201}}]}')

    with Web(answers) as web:
        out = opened(url(web))
        out.add(pa.table({"n": [1]}))
        out.flush()
        out.close()


@pytest.mark.parametrize("path", ["", "/", "/Alerts", "/_bulk", "/a,b", "/a*", "/proxy/"])
def test_names_that_no_index_has(path: str) -> None:
    with pytest.raises(UsageError, match="name of an index in lower case"):
        opened(f"elasticsearch+https://h{path}")


def test_a_path_of_a_proxy_comes_before() -> None:
    with Web(lambda _: Reply(200, b'{"items":[{"create":{"status":201}}]}')) as web:
        out = opened(f"elasticsearch+http://127.0.0.1:{web.port}/es/logs-gae.alerts-default")
        out.add(pa.table({"id": ["0"]}))
        out.flush()
        out.close()
    assert web.requests[0].path.startswith("/es/logs-gae.alerts-default/_bulk?")
