from __future__ import annotations

import builtins
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import MissingExtraError, OutputError, UsageError
from morpheus_gae.sinks.remote.http import Http, authorization, basic, proxy_of, retry_after, secret_path
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.secrets import Secrets
from morpheus_gae.sinks.remote.target import parse_target
from tests.kafka.certificates import Authority, has_openssl
from tests.sinks.remote.web import Reply, Web

SECRETS = Secrets(token="hunter2")
needs_openssl = pytest.mark.skipif(not has_openssl(), reason="no openssl command to make certificates with")


def http(port: int, secrets: Secrets = SECRETS, seconds: float = 30.0, scheme: str = "http") -> Http:
    return Http(parse_target(f"webhook+{scheme}://127.0.0.1:{port}/x"), secrets, {"x-us": "yes"}, seconds)


def test_a_request_and_its_answer_over_one_connection() -> None:
    with Web(lambda request: Reply(201, request.body.upper())) as web:
        one = http(web.port)
        assert one.send("POST", "/a", b"body", {"x-more": "1"}) == (201, b"BODY")
        assert one.send("GET", "/b") == (201, b"")
        one.close()
    first = web.requests[0]
    assert (first.method, first.path, first.headers["x-us"], first.headers["x-more"]) == (
        *("POST", "/a", "yes", "1"),
    )
    assert first.headers["user-agent"].startswith("morpheus-gae/")


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_about_the_records_is_for_the_caller(status: int) -> None:
    with Web(lambda _: Reply(status, b"no")) as web:
        assert http(web.port).send("POST", "/") == (status, b"no")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_server_without_time_is_to_be_asked_again(status: int) -> None:
    later = Reply(status, b"later, hunter2\x1b", (("Retry-After", "7"),))
    with Web(lambda _: later) as web, pytest.raises(Transient) as caught:
        http(web.port).send("POST", "/")
    assert str(caught.value) == f"it answers {status}: later, ***\\x1b"
    assert caught.value.after == 7


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (301, "redirects are not followed"),
        (401, "does not let us in"),
        (403, "does not let us in"),
        (404, "takes nothing there"),
        (410, "takes nothing there"),
    ],
)
def test_what_no_time_will_mend_ends_it(status: int, message: str) -> None:
    headers = (("Location", "https://other.example/hunter2"),)
    with (
        Web(lambda _: Reply(status, b"hunter2", headers)) as web,
        pytest.raises(OutputError, match=message) as caught,
    ):
        http(web.port).send("POST", "/hunter2")
    assert "hunter2" not in str(caught.value)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("does", "said"), [("reset", "Connection reset by peer"), ("hang", "no answer for 0.2 s")]
)
def test_an_answer_that_does_not_come(does: str, said: str) -> None:
    with Web(lambda _: Reply(does=does)) as web, pytest.raises(Transient, match=said) as caught:
        http(web.port, seconds=0.2).send("POST", "/hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there() -> None:
    with Web(lambda _: Reply()) as web:
        pass
    with pytest.raises(Transient, match="Connection refused"):
        http(web.port).send("POST", "/")


@needs_openssl
def test_certificates_are_checked(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    certificate, key = ours.issue("scorer")
    known = Secrets(
        token="x", ca_file=str(ours.certificate), client_cert=str(certificate), client_key=str(key)
    )
    with (
        Web(lambda _: Reply(), context=ours.server(client=True)) as web,
        Web(lambda _: Reply(), context=other.server()) as stranger,
    ):
        assert http(web.port, known, scheme="https").send("POST", "/").status == 200
        with pytest.raises(OutputError, match=r"its certificate is refused: .*issuer"):
            http(stranger.port, known, scheme="https").send("POST", "/")
        named = Http(parse_target(f"webhook+https://localhost:{web.port}"), known, {})
        with pytest.raises(OutputError, match=r"its certificate is refused: .*[Hh]ostname"):
            named.send("POST", "/")
    assert (len(web.requests), len(stranger.requests)) == (1, 0)


def test_a_proxy_of_the_environment_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Web(lambda _: Reply()) as web:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pass%21word@127.0.0.1:{web.port}")
        one = Http(parse_target("webhook+http://server.invalid/"), Secrets(), {})
        assert one.send("POST", "/in").status == 200
        # what runs on this machine no proxy reaches
        with Web(lambda _: Reply()) as near:
            assert http(near.port).send("POST", "/in").status == 200
        monkeypatch.setenv("NO_PROXY", "server.invalid")
        assert proxy_of(parse_target("webhook+http://server.invalid/")) is None
    (request,) = web.requests
    assert request.path == "http://server.invalid:80/in"
    assert request.headers["proxy-authorization"] == basic("me", "pass!word")


@pytest.mark.parametrize("told", ["socks5://hunter2:1", "http://", "http://hunter2:port"])
def test_what_is_no_proxy_is_told_without_its_secrets(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", told)
    with pytest.raises(UsageError, match="HTTPS_PROXY: no URL of an HTTP proxy") as caught:
        Http(parse_target("webhook+https://server.invalid/"), Secrets(), {})
    assert "hunter2" not in str(caught.value)


def test_an_answer_without_end_is_cut() -> None:
    with Web(lambda _: Reply(200, b"x" * 100)) as web, pytest.MonkeyPatch.context() as patch:
        patch.setattr("morpheus_gae.sinks.remote.http.REPLY_BYTES", 10)
        one = http(web.port)
        assert len(one.send("POST", "/").body) == 11
        assert len(one.send("POST", "/").body) == 11


def test_secrets_travel_sealed() -> None:
    with pytest.raises(UsageError, match=r"everybody can read: take webhook\+https"):
        Http(parse_target("webhook+http://h"), SECRETS, {})
    Http(parse_target("webhook+http://h"), Secrets(hmac_key="signs only"), {}).close()


def test_without_the_library_one_line_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("urllib3"):
            raise ModuleNotFoundError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        MissingExtraError, match=r"webhook\+https://h:443 needs urllib3.*morpheus-gae\[http\]"
    ):
        Http(parse_target("webhook+https://h"), SECRETS, {})


def test_who_we_are() -> None:
    assert authorization(Secrets(token="t"), "Bearer") == {"Authorization": "Bearer t"}
    # RFC 7617, section 2
    told = authorization(Secrets(username="Aladdin", password="open sesame"), "Bearer")
    assert told == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}
    assert authorization(Secrets(), "Bearer") == {}


def test_a_token_in_a_path() -> None:
    assert secret_path("/services/{token}", Secrets(token="/T0/B0/x?y ")) == "/services/T0/B0/x%3Fy%20"
    assert secret_path("", Secrets()) == "/"
    with pytest.raises(UsageError, match="give it by OURS_TOKEN_FILE"):
        secret_path("/{token}", Secrets(prefix="OURS_"))


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        *[
            ("120", 120.0),
            (" 0 ", 0.0),
            (None, None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ],
        *[(formatdate(1000 + 30, usegmt=True), 30.0), (formatdate(1000 - 30, usegmt=True), 0.0)],
    ],
)
def test_retry_after(told: str | None, seconds: float | None) -> None:
    assert retry_after(told, 1000.0) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_a_pause_or_none(told: str) -> None:
    seconds = retry_after(told, 1e9)
    assert seconds is None or seconds >= 0
