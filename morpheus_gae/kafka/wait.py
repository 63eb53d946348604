"""Wait: for a broker that is not up yet, and for a topic that is not there yet, with a word about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from morpheus_gae.errors import InputError
from morpheus_gae.kafka.client import error_name, error_text, library, refused

AGAIN_SECONDS = 30.0
"""A message about waiting is said again so often."""
ASK_SECONDS = 2.0
"""How long a broker may take to answer."""


class Patience:
    """Says what is waited for: when it changes, and every half minute.

    Parameters
    ----------
    say
        Tells the user one line.
    clock
        Reads seconds, as ``time.monotonic``.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._told: str | None = None
        self._at = 0.0

    def tell(self, what: str) -> None:
        """Say that this is waited for, unless it was said a moment ago."""
        now = self._clock()
        if what != self._told or now - self._at >= AGAIN_SECONDS:
            self._told, self._at = what, now
            self._say(f"Waiting: {what}")

    def over(self) -> None:
        """It has come; say so if waiting was told."""
        if self._told is not None:
            self._told = None
            self._say("Waiting is over: the broker answers and the topics are there")


def wait_for_topics(
    client: Any,
    servers: str,
    topics: Sequence[str],
    patience: Patience,
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
        Tells the user.
    pause
        Waits so many seconds; whether to give up waiting.
    fail_fast
        Raise rather than wait.
    also
        Tells what else is missing, if anything.

    Returns
    -------
    bool
        False if waiting was given up.

    Raises
    ------
    InputError
        With ``fail_fast``, or if the broker refuses us.
    """
    while True:
        what = missing(client, servers, topics) or also()
        if what is None:
            patience.over()
            return True
        if fail_fast:
            raise InputError(f"{what} (--fail_fast)")
        patience.tell(what)
        if pause(1.0):
            return False


def missing(client: Any, servers: str, topics: Sequence[str]) -> str | None:
    """What is missing, in words; None if nothing is.

    Raises
    ------
    InputError
        If the broker refuses us.
    """
    kafka = library()
    absent = []
    for topic in topics:
        try:
            found = client.list_topics(topic, timeout=ASK_SECONDS).topics.get(topic)
        except kafka.KafkaException as error:
            no = refused(error, servers)
            if no is not None:
                raise no from None
            return f"no broker answers at {servers} ({error_text(error)})"
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
