"""Counts: protocol of the Kafka source's metrics."""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Counts(Protocol):
    """Protocol of counters, implemented by ``engine.observe.metrics.Metrics``."""

    def add(self, **counts: int) -> None:
        """Add to counters: ``bytes_read``, ``durations_missing``, ``messages``, ``commits``,
        ``commit_failures``, ``rebalances``, ``transactions_aborted``.
        """
        ...

    def bad(self, reasons: Counter[str]) -> None:
        """Add bad records by reason."""
        ...

    def skip(self, reasons: Counter[str]) -> None:
        """Add skipped records, by reason."""
        ...

    def note(self, what: Counter[str]) -> None:
        """Add corrected flows, by kind of correction."""
        ...

    def lags(self, behind: dict[tuple[str, int], int]) -> None:
        """Set the number of undelivered messages of each assigned partition."""
        ...
