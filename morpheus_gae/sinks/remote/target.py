"""Target: parses the URL of an alert server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from morpheus_gae.errors import UsageError

KAFKA = "kafka"
PORTS = {
    "syslog+tcp": 514,
    "syslog+tls": 6514,
    "syslog+udp": 514,
    "webhook+https": 443,
    "webhook+http": 80,
    **dict.fromkeys(("elasticsearch+https", "elasticsearch+http"), 9200),
    **dict.fromkeys(("opensearch+https", "opensearch+http"), 9200),
    **dict.fromkeys(("splunk+https", "splunk+http"), 8088),
    "slack+https": 443,
    "slack+http": 80,
}
"""Schemes with their default ports."""
OPTIONS = {
    "syslog": ("facility",),
    "webhook": ("batch",),
    **dict.fromkeys(("elasticsearch", "opensearch"), ("batch",)),
    "splunk": ("index", "sourcetype", "source", "ack", "batch"),
    "slack": ("per_minute", "lines"),
}
"""Valid query options, by kind."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Target:
    """A server.

    Attributes
    ----------
    kind
        ``syslog``, ``webhook``, ``elasticsearch``, ``opensearch``, ``splunk`` or ``slack``.
    transport
        ``tcp``, ``tls``, ``udp``, ``https`` or ``http``.
    host, port
        Address of the server.
    path
        Starts with ``/``, or is empty.
    options
        Query options.
    """

    kind: str
    transport: str
    host: str
    port: int
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Format for messages, without a path that may be secret."""
        path = "" if self.kind in ("webhook", "slack") else self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}+{self.transport}://{host}:{self.port}{path}"

    def number(self, name: str, default: int) -> int:
        """Return an option as a number >= 1.

        Raises
        ------
        UsageError
            If it is invalid.
        """
        told = self.options.get(name, str(default))
        if not re.fullmatch(r"[1-9][0-9]{0,5}", told):
            raise UsageError(f"--output {self}: {name} is a number from 1 to 999999, not {_plain(told)!r}")
        return int(told)

    def yes(self, name: str) -> bool:
        """Return an option that is ``true`` or ``false`` (default).

        Raises
        ------
        UsageError
            If it is neither.
        """
        told = self.options.get(name, "false")
        if told not in ("true", "false"):
            raise UsageError(f"--output {self}: {name} is true or false, not {_plain(told)!r}")
        return told == "true"

    @property
    def sealed(self) -> bool:
        """Whether the connection is encrypted."""
        return self.transport in ("tls", "https") or self.host in LOOPBACK


def is_remote(url: str | None) -> bool:
    """Whether an output is a server other than Kafka."""
    scheme, found, _ = (url or "").partition("://")
    return bool(found) and scheme != KAFKA


def usual_encoding(url: str | None) -> str:
    """Return the default encoding of an output: its own schema, if it has one."""
    return "ecs" if (url or "").startswith(("elasticsearch+", "opensearch+")) else "plain"


def parse_target(url: str) -> Target:
    """Parse a URL.

    Raises
    ------
    UsageError
        If it is not the URL of a supported server, or contains a user or password. The part after the host is
        not shown, as it may be secret.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in PORTS:
        known = " ".join(f"{name}://" for name in (*PORTS, KAFKA))
        raise UsageError(f"--output {_plain(scheme)}://…: unknown; known are files, - and {known}")
    if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise UsageError(
            f"--output {scheme}://…: a URL holds no user or password: give them by the environment, as "
            "MORPHEUS_GAE_OUTPUT_TOKEN_FILE"
        )
    parts, port = _parts(scheme, url)
    kind, _, transport = scheme.partition("+")
    shown = f"{scheme}://{parts.hostname}"
    if parts.fragment or (kind == "syslog" and parts.path not in ("", "/")):
        raise UsageError(f"--output {shown}: not of the form {scheme}://host:port")
    options = _options(kind, shown, parts.query)
    path = parts.path if kind != "syslog" else ""
    return Target(kind, transport, str(parts.hostname), port, path, options)


def _parts(scheme: str, url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    if not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", url) or port == 0:
        raise UsageError(f"--output {scheme}://…: not of the form {scheme}://host:port")
    return parts, port or PORTS[scheme]


def _options(kind: str, shown: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = OPTIONS.get(kind, ())
    unknown = sorted(set(options) - set(known))
    if unknown:
        may = f"known are {', '.join(known)}" if known else "there are none"
        raise UsageError(f"--output {shown}: unknown option {_plain(unknown[0])!r} behind the ?: {may}")
    return options


def _plain(text: str) -> str:
    return re.sub(r"[^\w+.-]", "?", text)[:40]
