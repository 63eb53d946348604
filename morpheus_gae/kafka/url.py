"""URLs of topics: ``kafka://host:port[,host:port]/topic``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from morpheus_gae.errors import UsageError

SCHEME = "kafka://"
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_FORM = "kafka://host:port[,host:port]/topic"


@dataclass(frozen=True)
class TopicUrl:
    """A topic and its cluster.

    Attributes
    ----------
    servers
        ``host:port[,host:port]``.
    topic
        Its name.
    """

    servers: str
    topic: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.servers}/{self.topic}"


def is_kafka(url: str | None) -> bool:
    """Whether a source or sink is a topic."""
    return url is not None and url.startswith(SCHEME)


def parse(url: str) -> TopicUrl:
    """Parse a URL.

    Raises
    ------
    UsageError
        If it is not a URL of one topic.
    """
    servers, _, topic = url[len(SCHEME) :].partition("/")
    if "@" in servers:
        raise UsageError(
            f"a kafka:// URL holds no user or password: give {_FORM}, and the rest with --kafka_config"
        )
    if not is_kafka(url) or not servers or not all(map(_is_server, servers.split(","))):
        raise UsageError(f"{url}: not of the form {_FORM}")
    if topic.startswith("^") or not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise UsageError(f"{url}: {topic or 'nothing'!r} is no name of a topic; for several, repeat --input")
    return TopicUrl(servers, topic)


def _is_server(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    if not colon:
        return False
    return bool(host) and port.isdigit() and 0 < int(port) < 65_536 and not re.search(r"\s", host)
