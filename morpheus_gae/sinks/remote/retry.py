"""Retry: how often, and how long, a server that does not take alerts is asked again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from morpheus_gae.errors import OutputError

SECONDS = 300.0
"""So long a server may be away: as long as a Kafka producer waits."""
FIRST_SECONDS, MOST_SECONDS = 0.5, 30.0


class Transient(Exception):  # noqa: N818
    """A try that failed and may succeed later.

    Parameters
    ----------
    why
        What was found.
    after
        Seconds until the server wants to be asked again, if it told.
    """

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Retry:
    """Pauses between tries: they double, and a share of each is chance, so that many do not come at once.

    Parameters
    ----------
    seconds
        From the first failure on; then it is over.
    wait
        Waits so many seconds.
    clock
        Reads seconds, as ``time.monotonic``.
    chance
        A number from 0 to 1.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        wait: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.seconds = seconds
        self._wait = threading.Event().wait if wait is None else wait
        self._clock, self._chance = clock, chance
        self._since: float | None = None
        self._pause = FIRST_SECONDS

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._since is not None

    def succeeded(self) -> None:
        """The next failure is a first one."""
        self._since, self._pause = None, FIRST_SECONDS

    def progressed(self) -> None:
        """Some was taken and some was not: the time begins again, the pauses stay."""
        if self._since is not None:
            self._since = self._clock()

    def pause(self, name: str, failure: Transient) -> None:
        """Wait until the next try.

        Raises
        ------
        OutputError
            If the time is over.
        """
        now = self._clock()
        self._since = now if self._since is None else self._since
        left = self.seconds - (now - self._since)
        pause = self._pause * (0.5 + self._chance() / 2)
        self._pause = min(2 * self._pause, MOST_SECONDS)
        if failure.after is not None:
            pause = max(pause, min(failure.after, 2 * MOST_SECONDS))
        if left <= 0:
            raise OutputError(f"{name} did not take alerts for {self.seconds:g} s: {failure}")
        self._wait(min(pause, left))
