from __future__ import annotations

import json
import re
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.remote.http import Http
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.secrets import Secrets
from morpheus_gae.sinks.remote.slack import SlackPost, escaped, message
from morpheus_gae.sinks.remote.target import parse_target
from tests.detect.test_encodings import alerts
from tests.sinks.remote.servers import Count
from tests.sinks.remote.web import Reply, Request, Waits, Web, opened

TOKEN = {"MORPHEUS_GAE_OUTPUT_TOKEN": "T000/B000/hunter2"}


class Channel:
    """An incoming webhook, as Slack tells of its own."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, request: Request) -> Reply:
        told = request.json()
        if not told.get("text"):
            return Reply(400, b"no_text")
        self.texts.append(told["text"])
        return Reply(200, b"ok")


def test_alerts_are_a_message_the_gravest_first() -> None:
    channel, count = Channel(), Count()
    with Web(channel) as web:
        out = opened(f"slack+http://127.0.0.1:{web.port}/services?lines=2", count, environment=TOKEN)
        out.add(alerts())
        out.flush()
        out.close()
    (text,) = channel.texts
    head, first, second, rest = text.splitlines()
    assert head == "*3 alerts (1 high, 1 medium, 1 low)*"
    assert first.startswith("• high: 192.0.2.1 → 198.51.100.7 port 443: ")
    assert second.startswith("• medium: 192.0.2.1 → ")
    assert rest == "… and 1 more"
    (request,) = web.requests
    assert request.path == "/services/T000/B000/hunter2"
    assert "authorization" not in request.headers
    assert count.counts["delivered_alerts"] == 3


def records(n: int, severity: int = 0, kind: str = "alert") -> list[Record]:
    return [Record(b"{}", str(i), 0, severity, "text", kind) for i in range(n)]


def counted(texts: list[str]) -> int:
    """Records that messages tell of: those in their heads, and those that were summed up."""
    return sum(int(n.replace(",", "")) for text in texts for n in re.findall(r"([\d,]+) alerts? \(", text))


@given(
    batches=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 40)), min_size=1, max_size=12),
    per_minute=st.integers(1, 4),
)
def test_each_alert_is_told_of_once_and_no_minute_has_more_messages_than_asked_for(
    batches: list[tuple[int, float]], per_minute: int
) -> None:
    channel, now, times = Channel(), 0.0, []
    with Web(channel) as web:
        http = Http(parse_target(f"slack+http://127.0.0.1:{web.port}"), Secrets(), {})
        post = SlackPost(http, "/", per_minute, clock=lambda: now)
        for n, pause in batches:
            now += pause
            before = len(channel.texts)
            post.post(records(n))
            times += [now] * (len(channel.texts) - before)
        post.close()
    assert counted(channel.texts) == sum(n for n, _ in batches)
    for i, start in enumerate(times):
        assert sum(start <= time < start + 60 for time in times[i:]) <= per_minute


def test_what_was_only_counted_is_told_with_the_next_message() -> None:
    channel, now = Channel(), [0.0]
    with Web(channel) as web:
        http = Http(parse_target(f"slack+http://127.0.0.1:{web.port}"), Secrets(), {})
        post = SlackPost(http, "/", 1, clock=lambda: now[0])
        post.post(records(1))
        post.post(records(1500, 2))
        post.post(records(2, 1, "incident"))
        now[0] = 60.0
        post.post(records(1))
        post.close()
    assert channel.texts[0] == "*1 alert (1 low)*\n• low: text"
    assert channel.texts[1].splitlines()[-1] == (
        "Since the last message, without one of their own: 1,500 alerts (1,500 high); 2 incidents (2 medium)"
    )
    assert len(channel.texts) == 2


def test_an_incident_that_goes_on_is_not_said_again() -> None:
    channel = Channel()
    states = [Record(b"{}", "a", 0, 3, f"{state}: scan", "incident", state) for state in ("open", "updated")]
    with Web(channel) as web:
        http = Http(parse_target(f"slack+http://127.0.0.1:{web.port}"), Secrets(), {})
        post = SlackPost(http, "/")
        post.post(states)
        post.post(states[1:])
        post.close()
    assert channel.texts == ["*1 incident (1 critical)*\n• critical: open: scan"]


def test_a_sum_that_cannot_be_told_at_the_end_is_told_to_the_user() -> None:
    said: list[str] = []
    with Web(Channel(), [Reply(), Reply(503, b"later")]) as web:
        http = Http(parse_target(f"slack+http://127.0.0.1:{web.port}"), Secrets(), {})
        post = SlackPost(http, "/", 1, say=said.append, clock=lambda: 0.0)
        post.post(records(1))
        post.post(records(7))
        post.close()
        post.close()
    (line,) = said
    assert line.endswith("7 records were not summed up there: it answers 503: later")


def test_a_message_that_failed_is_said_again_and_counted_once() -> None:
    channel, waits = Channel(), Waits()
    plan = [Reply(429, b"rate_limited", (("Retry-After", "30"),)), Reply(500, b"rollup_error")]
    with Web(channel, plan) as web:
        url = f"slack+http://127.0.0.1:{web.port}/services/{{token}}?per_minute=1"
        out = opened(url, environment=TOKEN, wait=waits)
        out.add(alerts())
        out.flush()
        out.close()
    assert counted(channel.texts) == 3
    assert (len(waits.seconds), waits.seconds[0]) == (2, 30.0)


def test_what_it_refuses_is_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("t") / "refused.jsonl"
    with Web(lambda _: Reply(400, b"invalid_payload")) as web:
        url = f"slack+http://127.0.0.1:{web.port}/services"
        out = opened(url, environment=TOKEN, refused=str(path))
        out.add(alerts())
        out.flush()
        out.close()
    assert [json.loads(line)["detail"] for line in path.read_text().splitlines()] == [
        "400: invalid_payload"
    ] * 3


def test_a_channel_that_is_gone_ends_the_run_and_its_address_is_not_told() -> None:
    with Web(lambda _: Reply(404, b"no_service for T000/B000/hunter2")) as web:
        out = opened(f"slack+http://127.0.0.1:{web.port}/services", environment=TOKEN)
        out.add(alerts())
        with pytest.raises(OutputError, match="takes nothing there: it answers 404: no_service") as caught:
            out.flush()
        out.close()
    assert "hunter2" not in str(caught.value)


def test_texts_of_others_call_nobody_and_link_nowhere() -> None:
    assert escaped("<!channel> <https://evil.example|ok> & more") == (
        "&lt;!channel&gt; &lt;https://evil.example|ok&gt; &amp; more"
    )
    assert escaped("@all\n*bold*") == "@\u200ball\\n*\u200bbold*\u200b"
    assert escaped("x" * 400) == "x" * 299 + "…"


@given(st.text(max_size=400))
def test_no_text_of_others_acts(text: str) -> None:
    told = escaped(text)
    assert not set(told) & set("<>\n\r\x1b")
    assert re.sub("&(amp|lt|gt);", "", told).count("&") == 0
    assert not re.search(r"@[^\u200b]|@$", told)


def test_a_message_without_records_is_about_those_before() -> None:
    assert message((), Counter({("alert", 0): 1}), 10) == (
        "Since the last message, without one of their own: 1 alert (1 low)"
    )


def test_the_address_is_a_secret() -> None:
    with pytest.raises(
        UsageError, match=r"slack\+https://hooks\.slack\.com:443 wants .*TOKEN_FILE"
    ) as caught:
        opened("slack+https://hooks.slack.com/services/T000/B000/hunter2")
    assert "hunter2" not in str(caught.value)

    with pytest.raises(UsageError, match="per_minute is a number"):
        opened("slack+https://hooks.slack.com/services?per_minute=0", environment=TOKEN)
    out = opened("slack+https://hooks.slack.com/services", environment=TOKEN)
    out.add(pa.table({"id": []}))
    out.close()
