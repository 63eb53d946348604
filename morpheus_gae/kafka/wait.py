"""Wait: waits for brokers and topics to become available, and reports it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from morpheus_gae.errors import InputError
from morpheus_gae.kafka.client import Trouble, error_name, error_text, library, refused

AGAIN_SECONDS = 30.0
"""Interval of repeated messages about waiting."""
ASK_SECONDS = (0.5, 2.0, 5.0)
"""Timeout of a broker's answer."""
TELL_SECONDS = 0.05
"""Additional time for the client to report why it failed."""


class Patience:
    """Reports what is waited for: on changes, and every half minute.

    Connections that fail alternately for different reasons are also reported once per half minute.

    Parameters
    ----------
    say
        Reports one line to the user.
    clock
        Clock in seconds, like ``time.monotonic``.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._told: dict[str, float] = {}

    def tell(self, what: str) -> None:
        """Report what is waited for, unless just reported."""
        now = self._clock()
        self._told = {line: at for line, at in self._told.items() if now - at < AGAIN_SECONDS}
        if what not in self._told:
            self._told[what] = now
            self._say(f"Waiting: {what}")

    def over(self) -> None:
        """Report the end of waiting, if waiting was reported."""
        if self._told:
            self._told.clear()
            self._say("Waiting is over: the broker answers and the topics are there")


def wait_for_topics(
    client: Any,
    servers: str,
    topics: Sequence[str],
    patience: Patience,
    trouble: Trouble,
    *,
    pause: Callable[[float], bool],
    fail_fast: bool,
    also: Callable[[], str | None] = lambda: None,
) -> bool:
    """Wait until a cluster has all topics.

    Parameters
    ----------
    client
        Consumer or producer of that cluster.
    servers
        For messages.
    topics
        Their names.
    patience
        Reports to the user.
    trouble
        Connection failures reported by the client.
    pause
        Sleeps for a number of seconds; returns whether to give up.
    fail_fast
        Raise instead of waiting.
    also
        Returns what else is missing, if anything.

    Returns
    -------
    bool
        False if waiting was given up.

    Raises
    ------
    InputError
        With ``fail_fast``, or if the broker refuses us.
    """
    return wait_for(
        lambda: missing(client, servers, topics, trouble) or also(),
        patience,
        pause=pause,
        fail_fast=fail_fast,
    )


def wait_for(
    lacks: Callable[[], str | None],
    patience: Patience,
    *,
    pause: Callable[[float], bool],
    fail_fast: bool,
) -> bool:
    """Wait until nothing is missing; see ``wait_for_topics``."""
    while True:
        what = lacks()
        if what is None:
            patience.over()
            return True
        if fail_fast:
            raise InputError(f"{what} (--fail_fast)")
        patience.tell(what)
        if pause(1.0):
            return False


def missing(client: Any, servers: str, topics: Sequence[str], trouble: Trouble) -> str | None:
    """Describe what is missing; None if nothing is.

    Raises
    ------
    InputError
        If the broker refuses the connection.
    """
    kafka = library()
    absent = []
    for topic in topics:
        try:
            found = _asked(client, servers, topic, trouble)
        except kafka.KafkaException as error:
            no = refused(error, servers)
            if no is not None:
                raise no from None
            if trouble.cause is None and _listens(servers):
                return (
                    f"no broker answers at {servers}, though something listens there: compare "
                    "security.protocol, and whether it asks for SASL or a client certificate"
                )
            return trouble.cause or f"no broker answers at {servers} ({error_text(error)})"
        problem = None if found is None else found.error
        if problem is not None and error_name(problem) not in (
            "UNKNOWN_TOPIC_OR_PART",
            "LEADER_NOT_AVAILABLE",
        ):
            no = refused(problem, servers)
            raise no or InputError(f"kafka://{servers}/{topic}: {error_text(problem)}")
        if found is None or problem is not None or not found.partitions:
            absent.append(topic)
    if not absent:
        return None
    return f"{servers} has no topic {', '.join(absent)}; create it, or correct the URL"


def _listens(servers: str) -> bool:
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), ASK_SECONDS[0]).close()
        except OSError:
            continue
        return True
    return False


def _asked(client: Any, servers: str, topic: str, trouble: Trouble) -> Any:
    for seconds in ASK_SECONDS:
        # the longest timeout is for a broker that is up but slow
        if seconds == ASK_SECONDS[-1] and (trouble.cause is not None or not _listens(servers)):
            break
        try:
            return client.list_topics(topic, timeout=seconds).topics.get(topic)
        except library().KafkaException as error:
            last = error
            # poll to get the reason, and to let the client fetch a token
            client.poll(TELL_SECONDS)
    raise last
