"""Ledger: which partitions are ours now, and how far each was read, delivered and committed.

A partition may be taken away and come back while its flows are on their way through the pipeline. So it gets
another number each time it is assigned, and what was read under an old one counts for nothing any more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from morpheus_gae.flows.frame import Position

Key = tuple[str, int]
"""Topic and partition."""


@dataclass
class Held:
    """A partition that is ours.

    Attributes
    ----------
    number
        Of this assignment.
    first
        Offset of the first message that was read, or where reading begins; None before.
    read
        Offset after the last message that was read; None before.
    reached
        Offset before which everything is delivered; None before.
    committed
        Offset that is committed; None if there is none.
    cut
        Offset at which the first window must end, because the window that ended there may have been written
        already.
    """

    number: int
    first: int | None = None
    read: int | None = None
    reached: int | None = None
    committed: int | None = None
    cut: int | None = None

    @property
    def base(self) -> int | None:
        """Offset of the first message that is not known to be delivered."""
        return self.first if self.reached is None else self.reached


def source_name(topic: str, number: int) -> str:
    """Name of one assignment as a source of positions."""
    return f"{topic}#{number}"


def topic_of(source: str) -> str:
    """Topic in such a name."""
    return source.rpartition("#")[0]


class Ledger:
    """Partitions that are ours; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Key, Held] = {}
        self._numbers = count(1)

    def add(self, key: Key, committed: int | None, cut: int | None = None) -> Held:
        """A partition is assigned, or read anew from what is committed."""
        with self._lock:
            held = Held(next(self._numbers), first=committed, committed=committed, cut=cut)
            self._held[key] = held
            return held

    def remove(self, keys: Iterable[Key]) -> None:
        """Partitions are ours no longer."""
        with self._lock:
            for key in keys:
                self._held.pop(key, None)

    def suspend(self) -> dict[Key, int | None]:
        """Forget all that is on its way; where each partition was begun, for those without a commit."""
        with self._lock:
            firsts = {key: held.first for key, held in self._held.items()}
            self._held.clear()
            return firsts

    @property
    def in_flight(self) -> bool:
        """Whether something was read that is not delivered yet."""
        with self._lock:
            return any(held.read is not None and held.read != held.reached for held in self._held.values())

    def keys(self) -> list[Key]:
        """The partitions that are ours."""
        with self._lock:
            return list(self._held)

    def note_read(self, key: Key, first: int, last: int) -> str | None:
        """Messages came; name of the assignment, or None if they are not to be had.

        None means that the partition is not ours, or that the offsets do not go on where they were: then it
        has to be read anew.
        """
        with self._lock:
            held = self._held.get(key)
            if held is None or (held.read is not None and first < held.read):
                return None
            if held.first is None:
                held.first = first
            held.read = last + 1
            return source_name(key[0], held.number)

    def alive(self, source: str, partition: int) -> bool:
        """Whether what was read under this name still counts."""
        with self._lock:
            return self._find(source, partition) is not None

    def reach(self, positions: Iterable[Position]) -> dict[Key, int]:
        """Positions are delivered; the offsets to commit, of those that still count."""
        out = {}
        with self._lock:
            for position in positions:
                held = self._find(position.source, position.partition)
                if held is not None and (held.reached is None or position.offset > held.reached):
                    held.reached = position.offset
                    out[topic_of(position.source), position.partition] = position.offset
        return out

    def note_committed(self, offsets: dict[Key, int]) -> None:
        """Offsets are committed."""
        with self._lock:
            for key, offset in offsets.items():
                if key in self._held:
                    self._held[key].committed = offset

    def uncommitted(self, keys: Iterable[Key] | None = None) -> dict[Key, int]:
        """Offsets that are delivered and not committed."""
        with self._lock:
            wanted = self._held.keys() if keys is None else keys
            found = {key: self._held[key] for key in wanted if key in self._held}
            return {
                key: held.reached
                for key, held in found.items()
                if held.reached is not None and held.reached != held.committed
            }

    def base(self, source: str, partition: int) -> int | None:
        """Offset of the first message that is not known to be delivered."""
        with self._lock:
            held = self._find(source, partition)
            return None if held is None else held.base

    def bases(self) -> dict[Key, int | None]:
        """The same for all partitions."""
        with self._lock:
            return {key: held.base for key, held in self._held.items()}

    def cut_of(self, source: str, partition: int) -> int | None:
        """Where the first window of an assignment must end, if it must."""
        with self._lock:
            held = self._find(source, partition)
            return None if held is None else held.cut

    def _find(self, source: str, partition: int) -> Held | None:
        topic, _, number = source.rpartition("#")
        held = self._held.get((topic, partition))
        return held if held is not None and str(held.number) == number else None
