from __future__ import annotations

import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.target import is_remote, parse_target


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("syslog+tcp://log.example:601", "syslog+tcp://log.example:601"),
        ("syslog+tls://log.example", "syslog+tls://log.example:6514"),
        ("syslog+udp://[2001:db8::1]/", "syslog+udp://[2001:db8::1]:514"),
        ("webhook+https://h/a/b?batch=7", "webhook+https://h:443"),
        ("slack+https://h/services/T0/B0/hunter2", "slack+https://h:443"),
        ("splunk+https://h?index=a", "splunk+https://h:8088"),
        ("opensearch+https://h/a", "opensearch+https://h:9200/a"),
    ],
)
def test_what_a_url_tells(url: str, shown: str) -> None:
    assert is_remote(url)
    assert str(parse_target(url)) == shown


def test_a_facility_may_be_told() -> None:
    assert parse_target("syslog+tls://h?facility=local4").options == {"facility": "local4"}


@pytest.mark.parametrize("name", [None, "-", "alerts.jsonl", "kafka://h:9092/t", "C:/alerts.csv"])
def test_what_is_no_server(name: str | None) -> None:
    assert not is_remote(name)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("syslog://h", r"known are files, - and syslog\+tcp://"),
        ("gopher://h", "gopher"),
        ("syslog+tcp://", "not of the form"),
        ("syslog+tcp://h:0", "not of the form"),
        ("syslog+tcp://h:99999", "not of the form"),
        ("syslog+tcp://h x", "not of the form"),
        ("syslog+tcp://h/path", "not of the form"),
        ("syslog+tcp://[::1", "not of the form"),
        ("syslog+tcp://h?faculty=1", "known are facility"),
        ("syslog+tcp://h#x", "not of the form"),
        ("syslog+tls://joe:hunter2@h", "no user or password"),
        ("syslog+tls://hunter2@h", "no user or password"),
    ],
)
def test_what_is_refused_and_no_secret_is_told(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_target(url)
    assert "hunter2" not in str(caught.value)


def test_who_else_can_read_what_is_sent() -> None:
    assert parse_target("syslog+tls://h").sealed
    assert parse_target("syslog+tcp://127.0.0.1").sealed
    assert not parse_target("syslog+tcp://h").sealed
