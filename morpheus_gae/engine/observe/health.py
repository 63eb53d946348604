"""Health: whether a run is alive and ready, reported by its stages."""

from __future__ import annotations

import time
from collections.abc import Callable

STALL_SECONDS = 300.0


class Health:
    """State of a run's stages; written by their threads, read by any other.

    Parameters
    ----------
    stall_seconds
        A stage that works on one item for longer counts as stuck.
    clock
        Clock in seconds, like ``time.monotonic``.

    Attributes
    ----------
    ready
        The model is loaded, the source is open, the stages run.
    failed
        Name of the first stage that failed, or None.
    waits_for
        Returns what an open source still waits for (such as "partitions of topic flows"), or None.
    """

    def __init__(
        self, stall_seconds: float = STALL_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stall_seconds = stall_seconds
        self.ready = False
        self.failed: str | None = None
        self.waits_for: Callable[[], str | None] = lambda: None
        self._clock = clock
        # one key per thread, and atomic dictionary operations: no lock needed
        self._since: dict[str, float] = {}

    def at_work(self, stage: str) -> None:
        """Record that a stage started to work on an item."""
        self._since[stage] = self._clock()

    def at_rest(self, stage: str) -> None:
        """Record that a stage waits for an item, or for space downstream."""
        self._since.pop(stage, None)

    def alive(self) -> tuple[bool, str]:
        """Return whether the run is working, with a reason.

        Returns
        -------
        (bool, str)
            False if a stage has failed or hangs.
        """
        if self.failed is not None:
            return False, f"stage {self.failed} has failed"
        now = self._clock()
        for stage, since in list(self._since.items()):
            if now - since > self.stall_seconds:
                return False, f"stage {stage} has been in one item for {now - since:.0f} s"
        return True, "alive"

    def prepared(self) -> tuple[bool, str]:
        """Return whether arriving flows are scored, with a reason."""
        if not self.ready:
            return False, "not running: the model is being loaded, or the run has ended"
        missing = self.waits_for()
        if missing is not None:
            return False, f"the source waits for {missing}"
        return True, "ready"
