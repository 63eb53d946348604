"""Clients: creates confluent-kafka's consumer and producer; the only module that imports it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from morpheus_gae.errors import InputError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer

LOGGER = "morpheus_gae.kafka"
"""Logger of librdkafka's messages; silent unless enabled."""

MOVED = (
    "ILLEGAL_GENERATION",
    "UNKNOWN_MEMBER_ID",
    "REBALANCE_IN_PROGRESS",
    "FENCED_MEMBER_EPOCH",
    "STALE_MEMBER_EPOCH",
    "_ASSIGNMENT_LOST",
    "_REVOKE_PARTITIONS",
    "_STATE",
)
"""Errors that mean the partitions were reassigned; their new owner re-reads uncommitted messages."""
AWAY = (
    "_TRANSPORT",
    "_ALL_BROKERS_DOWN",
    "_TIMED_OUT",
    "_TIMED_OUT_QUEUE",
    "_RESOLVE",
    "_WAIT_COORD",
    "_NODE_UPDATE",
    "_RETRY",
    "REQUEST_TIMED_OUT",
    "COORDINATOR_NOT_AVAILABLE",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR",
    "GROUP_COORDINATOR_NOT_AVAILABLE",
    "GROUP_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR_FOR_GROUP",
    "NETWORK_EXCEPTION",
    "LEADER_NOT_AVAILABLE",
    "NOT_LEADER_FOR_PARTITION",
    "NOT_LEADER_OR_FOLLOWER",
    "BROKER_NOT_AVAILABLE",
    "KAFKA_STORAGE_ERROR",
    "OFFSET_NOT_AVAILABLE",
)
"""Transient errors, which pass once the broker is back."""
UNSAFE = ("_AUTHENTICATION", "_SSL", "SASL_AUTHENTICATION_FAILED")
"""Errors of authentication and TLS: usually a wrong password or certificate, but a broker that goes down
during the handshake looks the same."""
REFUSED = (
    "TOPIC_AUTHORIZATION_FAILED",
    "GROUP_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    "UNSUPPORTED_SASL_MECHANISM",
    "INVALID_GROUP_ID",
)
"""Permanent errors."""


def error_name(error: BaseException | KafkaError) -> str:
    """Return librdkafka's name of an error, such as ``_TRANSPORT``."""
    inner = error.args[0] if isinstance(error, BaseException) and error.args else error
    name = getattr(inner, "name", None)
    return str(name()) if callable(name) else type(error).__name__


def error_text(error: BaseException | KafkaError, most: int = 300) -> str:
    """Return an error as one line of limited length."""
    inner = error.args[0] if isinstance(error, BaseException) and error.args else error
    text = getattr(inner, "str", None)
    return " ".join(str(text() if callable(text) else inner).split())[:most]


NAME_AND_AGE = re.compile(r"^(?:\w+://\S+|\w+: \S+:\d+): | \(after \d+ms in state .*$")
"""Prefix that varies between connections in librdkafka's messages: ``GroupCoordinator: 10.0.0.1:9092: ``."""


class Trouble:
    """Tracks connection failures caused by certificates or passwords.

    Parameters
    ----------
    servers
        For messages.

    Attributes
    ----------
    cause
        Description; None if there is no such failure.
    """

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self.cause: str | None = None

    def note(self, error: KafkaError) -> bool:
        """Record a client error; return whether it is of this kind."""
        name, text = error_name(error), error_text(error, 1000)
        # a handshake may also fail as a transport error, with fewer details
        again = name == "_TRANSPORT" and "SSL routines" in text
        if name in UNSAFE or (again and self.cause is None):
            text = NAME_AND_AGE.sub("", text)[:300]
            self.cause = (
                f"no connection to {self._servers}: {text}; see the security options (--kafka_config)"
            )
        elif name in ("_TRANSPORT", "_RESOLVE") and not again:
            self.cause = None
        return again or name in UNSAFE

    def over(self) -> None:
        """Reset after a successful connection."""
        self.cause = None


def make_consumer(options: Mapping[str, str], on_error: Callable[[KafkaError], None]) -> Consumer:
    """Create a consumer.

    Raises
    ------
    UsageError
        If an option is unknown or its value is invalid.
    MissingExtraError
        If confluent-kafka is not installed.
    """
    kafka = library()
    return _made(kafka.Consumer, {**options, "error_cb": on_error})


def make_producer(options: Mapping[str, str], on_error: Callable[[KafkaError], None]) -> Producer:
    """Create a producer; raises like ``make_consumer``."""
    kafka = library()
    told: dict[str, Any] = {**options, "error_cb": on_error}
    # the only option that the client does not take as text
    told["delivery.report.only.error"] = told.get("delivery.report.only.error") == "true"
    return _made(kafka.Producer, told)


def library() -> Any:
    """Import confluent_kafka.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import confluent_kafka
    except ImportError:
        raise MissingExtraError("confluent-kafka", "kafka", "a kafka:// URL") from None
    return confluent_kafka


def refused(error: BaseException | KafkaError, servers: str) -> InputError | None:
    """Return the exception to raise for a permanent error, else None."""
    if error_name(error) in REFUSED:
        return InputError(
            f"kafka://{servers} refuses us: {error_text(error)}; see the security options in --kafka_config"
        )
    return None


def _made(kind: Any, options: dict[str, Any]) -> Any:
    logger = logging.getLogger(LOGGER)
    if not logger.handlers:
        # without a handler, Python would write warnings to stderr
        logger.addHandler(logging.NullHandler())
    try:
        return kind(options, logger=logger)
    except library().KafkaException as error:
        # librdkafka names the option; a quoted value may be a secret
        text = error_text(error)
        for value in options.values():
            if isinstance(value, str) and len(value) > 3:
                text = text.replace(value, "***")
        raise UsageError(f"Kafka options: {text}{_hint(text, options)}") from None


def _hint(text: str, options: Mapping[str, Any]) -> str:
    """Add what OpenSSL omits: a missing file, a wrong password."""
    found = re.search(r"(ssl\.[a-z.]+\.location) failed", text)
    if found is None or not isinstance(path := options.get(found[1]), str):
        return ""
    if not os.access(path, os.R_OK):
        return f": {path} cannot be read"
    return " (is ssl.key.password right?)" if "key" in found[1] else ""
