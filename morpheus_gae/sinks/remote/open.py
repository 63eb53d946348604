"""Open: creates the sink of a server by its URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.refused import RefusedFile
from morpheus_gae.sinks.remote.retry import SECONDS, Retry
from morpheus_gae.sinks.remote.secrets import PREFIX, Secrets, load_secrets
from morpheus_gae.sinks.remote.sink import Counts, Post, RemoteSink
from morpheus_gae.sinks.remote.target import Target, parse_target

if TYPE_CHECKING:
    from morpheus_gae.sinks.remote.records import Encode


def open_remote(
    url: str,
    encode: Encode,
    counts: Counts,
    say: Callable[[str], None] = lambda _: None,
    *,
    refused: str | None = None,
    retry_seconds: float = SECONDS,
    name_of_encoding: str = "plain",
    updates: bool = False,
    prefix: str = PREFIX,
    environment: Mapping[str, str] | None = None,
    retry: Retry | None = None,
) -> RemoteSink:
    """Create the sink of a server; it connects at the first alert.

    Parameters
    ----------
    url
        See ``target``.
    encode
        Converts alert rows to the encoding that is sent.
    counts
        Counts delivered and refused alerts.
    say
        Reports one line to the user.
    refused
        File for refused alerts.
    retry_seconds
        Maximum time that the server may be unavailable.
    name_of_encoding
        Name of the encoding, for servers that accept only one.
    updates
        Whether changed records are sent again with the same id, the last state replacing earlier ones.
    prefix
        Prefix of the names of secrets.
    environment
        Source of secrets; ``os.environ`` by default.
    retry
        Retry policy; by default from ``retry_seconds``.

    Raises
    ------
    UsageError
        If URL, encoding and secrets are inconsistent.
    MissingExtraError
        If a required library is not installed.
    """
    target = parse_target(url)
    if name_of_encoding == "cef" and target.kind != "syslog":
        raise UsageError(f"--encoding cef is for syslog+tls:// and its like, not {target}")
    post = _post(target, load_secrets(environment, prefix), updates, say)
    name = str(target)
    return RemoteSink(
        post, name, encode, RefusedFile(refused, name), counts, retry or Retry(retry_seconds), say
    )


def _post(target: Target, secrets: Secrets, updates: bool, say: Callable[[str], None]) -> Post:
    if target.kind == "syslog":
        return _syslog(target, secrets)
    if target.kind in ("elasticsearch", "opensearch"):
        return _elastic(target, secrets, updates)
    if target.kind == "splunk":
        return _splunk(target, secrets)
    if target.kind == "slack":
        return _slack(target, secrets, say)
    return _webhook(target, secrets)


def _syslog(target: Target, secrets: Secrets) -> Post:
    from morpheus_gae.sinks.remote.syslog import DEFAULT_FACILITY, SyslogPost
    from morpheus_gae.sinks.remote.wire import DatagramWire, StreamWire, Wire, client_context

    if secrets.token or secrets.username or secrets.hmac_key:
        raise UsageError(f"syslog knows no token and no password: unset {secrets.prefix}TOKEN")
    wire: Wire
    if target.transport == "udp":
        wire = DatagramWire(target.host, target.port)
    else:
        context = client_context(secrets) if target.transport == "tls" else None
        wire = StreamWire(target.host, target.port, context)
    return SyslogPost(wire, target.options.get("facility", DEFAULT_FACILITY))


def _webhook(target: Target, secrets: Secrets) -> Post:
    from morpheus_gae.sinks.remote.http import Http, authorization, secret_path
    from morpheus_gae.sinks.remote.webhook import WebhookPost, signing_keys

    path = secret_path(target.path, secrets)
    # a token used in the path is not sent as a header
    headers = {} if "{token}" in target.path else authorization(secrets, "Bearer")
    http = Http(target, secrets, headers)
    return WebhookPost(http, path, signing_keys(secrets), target.number("batch", 100))


def _elastic(target: Target, secrets: Secrets, updates: bool) -> Post:
    from morpheus_gae.sinks.remote.elastic import BulkPost
    from morpheus_gae.sinks.remote.http import Http, authorization

    scheme = "ApiKey" if target.kind == "elasticsearch" else "Bearer"
    http = Http(target, secrets, authorization(secrets, scheme))
    return BulkPost(http, target.path, updates, target.number("batch", 1_000))


def _splunk(target: Target, secrets: Secrets) -> Post:
    from morpheus_gae.sinks.remote.http import Http, authorization
    from morpheus_gae.sinks.remote.splunk import HecPost

    if secrets.token is None:
        raise UsageError(f"{target} wants a token: give it by {secrets.prefix}TOKEN_FILE")
    return HecPost(
        Http(target, secrets, authorization(secrets, "Splunk")),
        target.path,
        target.options.get("index"),
        target.options.get("sourcetype"),
        target.options.get("source", "morpheus_gae"),
        target.yes("ack"),
        target.number("batch", 1_000),
    )


def _slack(target: Target, secrets: Secrets, say: Callable[[str], None]) -> Post:
    from morpheus_gae.sinks.remote.http import Http, secret_path
    from morpheus_gae.sinks.remote.slack import SlackPost

    if secrets.token is None:
        raise UsageError(
            f"{target} wants the rest of its path, a secret: give it by {secrets.prefix}TOKEN_FILE"
        )
    path = target.path if "{token}" in target.path else f"{target.path.rstrip('/')}/{{token}}"
    return SlackPost(
        Http(target, secrets, {}),
        secret_path(path, secrets),
        target.number("per_minute", 6),
        target.number("lines", 10),
        say,
    )
