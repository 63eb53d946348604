"""Config: options of the Kafka clients, from a file and the environment, validated.

Any option of librdkafka may be given
(https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md)::

    sasl.mechanism=SCRAM-SHA-512                      a line of --kafka_config FILE
    producer.linger.ms=50                             the same, only for producers (or consumers)
    MORPHEUS_GAE_KAFKA_SASL_USERNAME=scorer           the environment, which overrides the file
    MORPHEUS_GAE_KAFKA_SASL_PASSWORD_FILE=/run/...    the value is the content of the file
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from morpheus_gae.errors import UsageError

PREFIX = "MORPHEUS_GAE_KAFKA_"
GROUP = "morpheus-gae"
AVRO_SCHEMA = "avro.schema"
"""Our own option: the schema of Avro messages without one."""

BOTH = {
    "client.id": "morpheus-gae",
    # back off while a broker is unavailable
    "reconnect.backoff.max.ms": "5000",
    "log.connection.close": "false",
}
CONSUMER = {
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": "30000",
    "queued.max.messages.kbytes": "32768",
    "fetch.wait.max.ms": "100",
    # pause after its queue was full: librdkafka's default is a second
    "fetch.queue.backoff.ms": "20",
}
PRODUCER = {
    "compression.type": "lz4",
    "linger.ms": "5",
    "queue.buffering.max.messages": "200000",
    "queue.buffering.max.kbytes": "65536",
}
"""Defaults, which users may change."""

REQUIRED_CONSUMER = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    "isolation.level": "read_committed",
    "enable.partition.eof": "false",
}
REQUIRED_PRODUCER = {
    "enable.idempotence": "true",
    "acks": "all",
    # all topics are requested anyway
    "delivery.report.only.error": "true",
}
"""Options required for delivery guarantees, which users cannot change."""
ELSEWHERE = {
    "bootstrap.servers": "the kafka:// URL",
    "metadata.broker.list": "the kafka:// URL",
    "group.id": "--group",
}
_SAME = {"request.required.acks": "acks", "enable.gapless.guarantee": "enable.gapless.guarantee"}
_SECRET = re.compile(r"password|secret|\.pem$|token|sasl\.oauthbearer\.config|private", re.IGNORECASE)
_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9._]*)\s*=\s*(.*?)\s*")


@dataclass(frozen=True)
class KafkaConfig:
    """Options given by the user.

    Attributes
    ----------
    given
        By name; the prefix ``consumer.`` or ``producer.`` limits one to that client.
    group
        Consumer group.
    avro_schema
        JSON text, if any.
    """

    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    group: str = GROUP
    avro_schema: str | None = field(default=None, repr=False)

    def consumer(self, servers: str) -> dict[str, str]:
        """Return all options of a consumer."""
        ours = {"bootstrap.servers": servers, "group.id": self.group, **REQUIRED_CONSUMER}
        return {**BOTH, **CONSUMER, **self._of("consumer"), **ours}

    def producer(self, servers: str) -> dict[str, str]:
        """Return all options of a producer."""
        return {
            **BOTH,
            **PRODUCER,
            **self._of("producer"),
            "bootstrap.servers": servers,
            **REQUIRED_PRODUCER,
        }

    def _of(self, client: str) -> dict[str, str]:
        """Return the options for both clients, overridden by those for this client."""
        both = {n: v for n, v in self.given.items() if not n.startswith(("consumer.", "producer."))}
        own = {n.partition(".")[2]: v for n, v in self.given.items() if n.startswith(f"{client}.")}
        return {**both, **own}

    def shown(self) -> dict[str, str]:
        """Return the given options for display, with secrets hidden."""
        return {n: "***" if _SECRET.search(n) else v for n, v in sorted(self.given.items())}


def load_config(
    path: str | None = None, group: str | None = None, environment: Mapping[str, str] | None = None
) -> KafkaConfig:
    """Load the user's options.

    Parameters
    ----------
    path
        File of ``key=value`` lines; ``#`` starts a comment.
    group
        Consumer group; ``morpheus-gae`` by default.
    environment
        ``os.environ`` by default.

    Raises
    ------
    UsageError
        If a file cannot be read, a line is invalid, or an option cannot be changed. Values, which may be
        secret, are never shown.
    """
    given = {} if path is None else _of_file(path)
    given.update(_of_environment(os.environ if environment is None else environment))
    schema = given.pop(AVRO_SCHEMA, None)
    schema_file = given.pop(f"{AVRO_SCHEMA}.file", None)
    if schema is None and schema_file is not None:
        schema = _content(schema_file, f"{AVRO_SCHEMA}.file")
    for name, value in given.items():
        _check(name, value)
    return KafkaConfig(given, group or GROUP, schema)


def _check(name: str, value: str) -> None:
    plain = name.removeprefix("consumer.").removeprefix("producer.")
    plain = _SAME.get(plain, plain)
    if plain in ELSEWHERE:
        raise UsageError(f"Kafka option {name} is told by {ELSEWHERE[plain]}: take it out")
    needed = {**REQUIRED_CONSUMER, **REQUIRED_PRODUCER}.get(plain)
    if needed is None or value.lower() == needed:
        return
    raise UsageError(f"Kafka option {name} must be {needed}: that nothing is lost rests on it; take it out")


def _of_file(path: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for i, line in enumerate(_content(path, "--kafka_config").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            # the line may contain a password
            raise UsageError(f"{path}, line {i}: not of the form option=value")
        out[found[1]] = found[2]
    return out


def _of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX) or name == PREFIX:
            continue
        option = name[len(PREFIX) :].lower().replace("_", ".")
        if option.endswith(".file"):
            option, told = option.removesuffix(".file"), _content(value, name).rstrip("\r\n")
        else:
            told = value
        if option in out:
            raise UsageError(
                f"{PREFIX}{option.replace('.', '_').upper()} is given, and as _FILE too: give one"
            )
        out[option] = told
    return out


def _content(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{what}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{what}: {path} is no text") from None
