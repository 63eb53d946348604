"""Counts: what the Kafka source tells of itself."""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Counts(Protocol):
    """Takes counts; ``engine.observe.metrics.Metrics`` is one."""

    def add(self, **counts: int) -> None:
        """Add to counters: ``bytes_read``, ``durations_missing``, ``messages``, ``commits``,
        ``commit_failures``, ``rebalances``, ``transactions_aborted``.
        """
        ...

    def bad(self, reasons: Counter[str]) -> None:
        """Add bad records by reason."""
        ...

    def skip(self, reasons: Counter[str]) -> None:
        """Add records that are no flows, by reason."""
        ...

    def note(self, what: Counter[str]) -> None:
        """Add flows that were read with something put right, by what."""
        ...

    def lags(self, behind: dict[tuple[str, int], int]) -> None:
        """Messages of each partition of ours that are not delivered yet."""
        ...
