"""--output URL of a server, from the command line to the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_morpheus import csv_of, morpheus, toy  # noqa: F401
from tests.ports import free_port
from tests.sinks.remote.servers import Octets
from tests.sinks.remote.test_elastic import Cluster
from tests.sinks.remote.test_slack import Channel
from tests.sinks.remote.test_webhook import Hook
from tests.sinks.remote.web import Reply, Request, Web

USUAL = ("pipeline-gae", "--model", "toy", "--input", "flows.csv", "--threshold", "0")


def bodies(messages: list[bytes]) -> list[int]:
    return [json.loads(message.split(b" - ", 1)[1])["IN_BYTES"] for message in messages]


def test_every_alert_reaches_the_server() -> None:
    Path("flows.csv").write_text(csv_of(list(range(1, 31))))
    with Octets() as server:
        done = morpheus(
            *USUAL, "--output", f"syslog+tcp://127.0.0.1:{server.port}", "--graph_size", "7", "--json", "f"
        )
        assert done.exit_code == 0, done.output
        assert bodies(server.wait(lambda m: len(m) >= 30)) == list(range(1, 31))
    assert json.loads(Path("f").read_text())["delivery"]["delivered_alerts"] == 30
    assert "alerts delivered" in done.stderr


def test_a_checkpoint_is_written_once_the_server_has_acknowledged() -> None:
    Path("flows.csv").write_text(csv_of(list(range(1, 31))) + "no,flow,at,all,here\n")
    port = free_port()
    told = ("--output", f"syslog+tcp://127.0.0.1:{port}", "--graph_size", "7", "--retry_seconds", "0")
    told = (*told, "--checkpoint", "ck", "--checkpoint_seconds", "0", "--pair_seconds", "0")
    away = morpheus(*USUAL, *told)
    assert away.exit_code == 1
    last = away.stderr.splitlines()[-1]
    assert last.startswith(f"Error: syslog+tcp://127.0.0.1:{port} did not take alerts for 0 s: ")
    assert not Path("ck/checkpoint.json").exists()
    with Octets(port=port) as server:
        assert morpheus(*USUAL, *told).exit_code == 0
        assert bodies(server.wait(lambda m: len(m) >= 30)) == list(range(1, 31))
        again = morpheus(*USUAL, *told)
        assert "nothing to do" in again.stderr
        assert len(server.messages) == 30
    assert len(Path("ck/dead.ndjson").read_text().splitlines()) == 1


def test_after_a_failure_a_run_goes_on_and_each_alert_is_there_once() -> None:
    Path("flows.csv").write_text(csv_of(list(range(1, 101))))
    told = ("--graph_size", "7", "--checkpoint", "ck", "--checkpoint_seconds", "0", "--pair_seconds", "0")
    cluster = Cluster()
    # taken, and nobody hears of it: then the server is gone for good
    plan = [*[Reply(does="answer")] * 5, Reply(does="lose"), Reply(403, b"no")]
    with Web(cluster, plan) as web:
        out = ("--output", f"elasticsearch+http://127.0.0.1:{web.port}/alerts", *told)
        failed = morpheus(*USUAL, *out)
        assert failed.exit_code == 1
        assert "does not let us in" in failed.stderr.splitlines()[-1]
        before = len(cluster.documents)
        assert 35 < before < 100
        assert morpheus(*USUAL, *out).exit_code == 0
        sent = sum(request.body.count(b'{"create"') for request in web.requests)
    assert sorted(d["source"]["bytes"] for d in cluster.documents.values()) == list(range(1, 101))
    assert sent > 100


def test_incidents_go_to_a_server_of_their_own_with_secrets_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("flows.csv").write_text(csv_of(list(range(1, 31))))
    monkeypatch.setenv("MORPHEUS_GAE_OUTPUT_TOKEN", "for-elastic")
    monkeypatch.setenv("MORPHEUS_GAE_INCIDENTS_TOKEN", "for-chat")
    cluster, channel = Cluster(), Channel()
    with Web(cluster) as web, Web(channel) as chat:
        out = ("--output", f"elasticsearch+http://127.0.0.1:{web.port}/alerts", "--graph_size", "7")
        done = morpheus(*USUAL, *out, "--incidents", f"slack+http://127.0.0.1:{chat.port}/hooks")
    assert done.exit_code == 0, done.output
    assert len(cluster.documents) == 30
    assert {request.headers["authorization"] for request in web.requests} == {"ApiKey for-elastic"}
    assert {request.path for request in chat.requests} == {"/hooks/for-chat"}
    assert all("incident" in text for text in channel.texts)


def test_of_incidents_in_an_index_the_last_state_stays() -> None:
    Path("flows.csv").write_text(csv_of(list(range(1, 31))))
    cluster = Cluster(items=[(400, {"type": "document_parsing_exception", "reason": "no"})])
    with Web(cluster) as web:
        to = f"elasticsearch+http://127.0.0.1:{web.port}/alerts"
        told = ("--graph_size", "7", "--incidents", to, "--output", "a.jsonl", "--refused", "no.jsonl")
        done = morpheus(*USUAL, *told)
    assert done.exit_code == 0, done.output
    states = [json.loads(line) for request in web.requests for line in request.body.splitlines()[1::2]]
    # in Elastic's own schema, where no other is asked for
    last = {state["event"]["id"]: state for state in states}
    (kept,) = [json.loads(line) for line in Path("no.incidents.jsonl").read_text().splitlines()]
    assert json.loads(kept["record"])["event"]["id"] in last
    assert cluster.documents == last
    assert {state["morpheus_gae"]["incident"]["state"] for state in last.values()} == {"closed"}


def test_what_a_webhook_refuses_is_kept_and_secrets_are_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("flows.csv").write_text(csv_of(list(range(1, 31))))
    Path("key").write_text("hunter2\n")
    monkeypatch.setenv("MORPHEUS_GAE_OUTPUT_TOKEN_FILE", "key")
    hook = Hook()

    def answers(request: Request) -> Reply:
        if any(row["record"]["IN_BYTES"] == 7 for row in request.json()["data"]):
            return Reply(422, b"hunter2 has no 7")
        return hook(request)

    with Web(answers, [Reply(503, b"starting, hunter2", (("Retry-After", "0"),))]) as web:
        told = ("--output", f"webhook+http://127.0.0.1:{web.port}/in/{{token}}", "--refused", "refused.jsonl")
        done = morpheus(*USUAL, *told, "--json", "facts")
    assert done.exit_code == 0, done.output
    assert len(hook.ids) == 29
    (kept,) = [json.loads(line) for line in Path("refused.jsonl").read_text().splitlines()]
    assert (json.loads(kept["record"])["IN_BYTES"], kept["detail"]) == (7, "422: *** has no 7")
    delivery = json.loads(Path("facts").read_text())["delivery"]
    assert (delivery["delivered_alerts"], delivery["refused_alerts"]) == (29, 1)
    assert "starting, ***" in done.stderr
    everything = done.output + "".join(p.read_text() for p in Path().glob("*") if p.name != "key")
    assert "hunter2" not in everything


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (["--output", "syslog+tls://joe:hunter2@h"], "no user or password"),
        (["--output", "syslog://h"], "known are files"),
        (["--incidents", "gopher://h", "--output", "a.jsonl"], "--incidents gopher://…: unknown"),
        (["--incidents", "splunk+https://h", "--output", "a.jsonl"], "MORPHEUS_GAE_INCIDENTS_TOKEN_FILE"),
        (["--output", "a.jsonl", "--refused", "r.jsonl"], "--refused is for"),
        (["--output", "a.jsonl", "--encoding", "cef"], "--encoding cef is for syslog"),
        (["--output", "syslog+tcp://h", "--refused", "flows.csv"], "is read as input"),
        (["--output", "syslog+tcp://h", "--refused", "r", "--dead_letters", "r"], "give two files"),
    ],
)
def test_mistakes_are_one_clear_error(told: list[str], message: str) -> None:
    Path("flows.csv").write_text(csv_of([1, 2]))
    done = morpheus(*USUAL, *told)
    assert done.exit_code == 2
    assert message in done.stderr.splitlines()[-1]
    assert "hunter2" not in done.output
