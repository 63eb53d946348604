from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.secrets import Secrets
from morpheus_gae.sinks.remote.webhook import message_id, payload, signature, signing_keys
from tests.detect.test_encodings import alerts
from tests.sinks.remote.servers import Count
from tests.sinks.remote.web import Reply, Request, Waits, Web, opened

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Hook:
    """A receiver as the specification asks for: a message that comes again is answered, but not taken."""

    def __init__(self, bad: frozenset[str] = frozenset(), most_bytes: int = 1 << 20) -> None:
        self.taken: dict[str, list[str]] = {}
        self._bad, self._most = bad, most_bytes

    def __call__(self, request: Request) -> Reply:
        if len(request.body) > self._most:
            return Reply(413, b"too large")
        ids = [row["id"] for row in request.json()["data"]]
        if self._bad.intersection(ids):
            return Reply(400, b"one of them is odd")
        self.taken.setdefault(request.headers["webhook-id"], ids)
        return Reply(204, b"")

    @property
    def ids(self) -> list[str]:
        return [i for ids in self.taken.values() for i in ids]


def test_a_batch_is_signed_as_the_specification_shows() -> None:
    # of the tests of github.com/standard-webhooks/standard-webhooks
    told = signature(
        signing_keys(Secrets(hmac_key=KEY)),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_keys_that_change_sign_beside_each_other() -> None:
    assert signing_keys(Secrets()) == []
    old, new = signing_keys(Secrets(hmac_key="old-key whsec_bmV3"))
    assert (old, new) == (b"old-key", b"new")
    assert signing_keys(Secrets(hmac_key="whsec_bmV3ZXI= whsec_bmV3ZXI")) == [b"newer"] * 2
    assert len(signature([old, new], "a", "1", b"").split()) == 2
    with pytest.raises(UsageError, match="HMAC_KEY: no base64") as caught:
        signing_keys(Secrets(hmac_key="whsec_hunter2!"))
    assert "hunter2" not in str(caught.value)


def test_alerts_come_as_json_with_id_time_and_signature() -> None:
    hook, count = Hook(), Count()
    environment = {"MORPHEUS_GAE_OUTPUT_HMAC_KEY": KEY, "MORPHEUS_GAE_OUTPUT_TOKEN": "hunter2"}
    with Web(hook) as web:
        out = opened(f"webhook+http://127.0.0.1:{web.port}/in", count, environment=environment)
        out.add(alerts())
        out.flush()
        out.close()
    (request,) = web.requests
    body = request.json()
    assert (request.method, request.path) == ("POST", "/in")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer hunter2"
    assert (body["type"], body["timestamp"]) == ("morpheus_gae.alert", "2025-03-10T08:00:01.000Z")
    assert [row["severity"] for row in body["data"]] == ["medium", "high", "low"]
    assert body["data"][0]["record"]["IPV4_SRC_ADDR"] == "192.0.2.1"
    assert body["data"][0]["summary"].startswith("192.0.2.1 → ")
    name, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert request.headers["webhook-signature"] == signature(
        signing_keys(Secrets(hmac_key=KEY)), name, at, request.body
    )
    assert count.counts["delivered_alerts"] == 3


FAULTS = {
    "busy": Reply(503, b"busy", (("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),)),
    "limited": Reply(429, b"slow down", (("Retry-After", "9"),)),
    "reset": Reply(does="reset"),
    "lose": Reply(does="lose"),
    "answer": Reply(does="answer"),
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(st.sampled_from(sorted(FAULTS)), max_size=12),
    bad=st.frozensets(st.integers(0, 19), max_size=5),
    batch=st.integers(1, 9),
    most_bytes=st.sampled_from([400, 1 << 20]),
)
def test_each_alert_is_once_at_the_server_or_in_the_file_whatever_goes_wrong(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str], bad: set[int], batch: int, most_bytes: int
) -> None:
    path, count = tmp_path_factory.mktemp("t") / "refused.jsonl", Count()
    hook = Hook(frozenset(map(str, bad)), most_bytes)
    with Web(hook, [FAULTS[name] for name in plan]) as web:
        url = f"webhook+http://127.0.0.1:{web.port}/?batch={batch}"
        out = opened(url, count, refused=str(path))
        out.add(pa.table({"id": [str(i) for i in range(20)]}))
        out.flush()
        out.close()
    kept = [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []
    assert sorted(hook.ids + kept, key=int) == [str(i) for i in range(20)]
    assert set(map(int, kept)) == bad
    assert count.counts["delivered_alerts"] + count.counts.get("refused_alerts", 0) == 20


def test_the_pause_is_what_the_server_asks_for() -> None:
    waits = Waits()
    with Web(Hook(), [FAULTS["limited"], FAULTS["busy"]]) as web:
        out = opened(f"webhook+http://127.0.0.1:{web.port}", wait=waits)
        out.add(alerts())
        out.flush()
        out.close()
    # a date that is over asks for no more than we would wait
    assert waits.seconds[0] == 9
    assert waits.seconds[1] < 2


def test_batches_get_smaller_where_they_are_too_large(tmp_path: Path) -> None:
    hook = Hook(most_bytes=3_000)
    with Web(hook) as web:
        out = opened(f"webhook+http://127.0.0.1:{web.port}", refused=str(tmp_path / "refused.jsonl"))
        out.add(pa.table({"id": [str(i) for i in range(400)]}))
        out.flush()
        out.close()
        assert len(hook.ids) == 400
        refused = sum(len(request.body) > 3_000 for request in web.requests)
    assert 0 < refused < 6


def test_a_webhook_that_is_no_more_ends_the_run_and_no_secret_is_told() -> None:
    environment = {"MORPHEUS_GAE_OUTPUT_TOKEN": "hunter2"}
    with Web(lambda _: Reply(410, b"gone, hunter2")) as web:
        out = opened(f"webhook+http://127.0.0.1:{web.port}/{{token}}", environment=environment)
        out.add(alerts())
        with pytest.raises(OutputError, match="takes nothing there: it answers 410") as caught:
            out.flush()
        out.close()
    assert "hunter2" not in str(caught.value)
    assert web.requests[0].path == "/hunter2"
    assert "authorization" not in web.requests[0].headers


def test_an_incident_that_changed_is_another_message() -> None:
    first, second = (Record(body, "i1", -5, 0, 'a "b"', "incident") for body in (b'{"n":1}', b'{"n":2}'))
    assert message_id([first]) == message_id([first])
    assert message_id([first]) != message_id([second])
    told = json.loads(payload([first, second]))
    assert told["type"] == "morpheus_gae.incident"
    assert told["timestamp"] == "1970-01-01T00:00:00.000Z"
    assert told["data"][1] == {"id": "i1", "severity": "low", "summary": 'a "b"', "record": {"n": 2}}


def test_options_of_the_url() -> None:
    with pytest.raises(UsageError, match="batch is a number"):
        opened("webhook+https://h?batch=0")
    with pytest.raises(UsageError, match="--encoding cef is for syslog"):
        opened("webhook+https://h", form="cef")
