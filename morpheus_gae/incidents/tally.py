"""Tally: counts of names, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from morpheus_gae.incidents import kept

CAP = 1_024
"""Maximum number of distinct names; later ones are counted together."""


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
        """Return the number of distinct names; a lower bound if ``beyond``."""
        return len(self.counts)

    def add(self, names: Iterable[str], counts: Iterable[int]) -> None:
        """Add names; if there are too many, the first ones are kept."""
        for name, count in zip(names, counts, strict=True):
            if name in self.counts or len(self.counts) < CAP:
                self.counts[name] = self.counts.get(name, 0) + int(count)
            else:
                self.beyond += int(count)

    def most(self, n: int) -> list[str]:
        """Return the most frequent names, at most ``n``; ties by name."""
        return sorted(self.counts, key=lambda name: (-self.counts[name], name))[:n]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"counts": self.counts, "beyond": self.beyond}

    @classmethod
    def from_dict(cls, values: dict[str, Any], name: str, check: Callable[[Any, str], str]) -> Tally:
        """Rebuild one.

        Parameters
        ----------
        values
            Result of ``as_dict``.
        name
            What it counts.
        check
            Validates a name; raises `ValueError` if invalid.

        Raises
        ------
        ValueError
            If it is not that.
        """
        tally = cls()
        counts = values["counts"]
        if not isinstance(counts, dict) or not 1 <= len(counts) <= CAP:
            raise ValueError(f"{name} are no counts of 1 to {CAP} names")
        tally.counts = {check(key, name): kept.whole(count, name, 1) for key, count in counts.items()}
        tally.beyond = kept.whole(values["beyond"], name)
        return tally
