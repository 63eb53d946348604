"""Tally: how often each of many names came, in bounded room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CAP = 1_024
"""Names that are told apart; those that come later are counted together."""


class Tally:
    """Counts of names.

    Attributes
    ----------
    counts
        By name, of the first ``CAP`` names.
    beyond
        Counts of all other names together.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.beyond = 0

    def __len__(self) -> int:
        """Different names, at least; all of them unless ``beyond``."""
        return len(self.counts)

    def add(self, names: Iterable[str], counts: Iterable[int]) -> None:
        """Count names; which ones are kept where there are too many depends on their order here."""
        for name, count in zip(names, counts, strict=True):
            if name in self.counts or len(self.counts) < CAP:
                self.counts[name] = self.counts.get(name, 0) + int(count)
            else:
                self.beyond += int(count)

    def most(self, n: int) -> list[str]:
        """The names that came most often, at most ``n``; ties by name."""
        return sorted(self.counts, key=lambda name: (-self.counts[name], name))[:n]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"counts": self.counts, "beyond": self.beyond}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Tally:
        """Rebuild one; the values were checked."""
        tally = cls()
        tally.counts, tally.beyond = dict(values["counts"]), int(values["beyond"])
        return tally
