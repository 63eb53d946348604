"""Ledger: assigned partitions, with their read, delivered and committed offsets.

A partition may be revoked and reassigned while its flows are in the pipeline. Each assignment therefore has a
new number, and data read under an old one is ignored.
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
    """An assigned partition.

    Attributes
    ----------
    number
        Of this assignment.
    first
        Offset of the first message read, or where reading starts; None before.
    read
        Offset after the last message read; None before.
    reached
        Offset up to which all is delivered; None before.
    committed
        Committed offset; None if there is none.
    cut
        Offset at which the first window must end, because the window that ended there may already be written.
    """

    number: int
    first: int | None = None
    read: int | None = None
    reached: int | None = None
    committed: int | None = None
    cut: int | None = None

    @property
    def base(self) -> int | None:
        """Return the offset of the first message not known to be delivered."""
        return self.first if self.reached is None else self.reached


def source_name(topic: str, number: int) -> str:
    """Return the name of an assignment, as a source of positions."""
    return f"{topic}#{number}"


def topic_of(source: str) -> str:
    """Return the topic of such a name."""
    return source.rpartition("#")[0]


class Ledger:
    """Assigned partitions; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Key, Held] = {}
        self._numbers = count(1)

    def add(self, key: Key, committed: int | None, cut: int | None = None) -> Held:
        """Add an assigned partition, or restart it from the committed offset."""
        with self._lock:
            held = Held(next(self._numbers), first=committed, committed=committed, cut=cut)
            self._held[key] = held
            return held

    def remove(self, keys: Iterable[Key]) -> None:
        """Remove revoked partitions."""
        with self._lock:
            for key in keys:
                self._held.pop(key, None)

    def suspend(self) -> dict[Key, int | None]:
        """Invalidate all data in flight; return the first offsets, for partitions without a commit."""
        with self._lock:
            firsts = {key: held.first for key, held in self._held.items()}
            self._held.clear()
            return firsts

    @property
    def in_flight(self) -> bool:
        """Whether messages were read that are not delivered yet."""
        with self._lock:
            return any(held.read is not None and held.read != held.reached for held in self._held.values())

    def keys(self) -> list[Key]:
        """Return the assigned partitions."""
        with self._lock:
            return list(self._held)

    def note_read(self, key: Key, first: int, last: int) -> str | None:
        """Record read messages; return the assignment's name, or None if they must be dropped.

        None means that the partition is not assigned, or that the offsets are not consecutive: then it must
        be re-read.
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
        """Whether an assignment is still valid."""
        with self._lock:
            return self._find(source, partition) is not None

    def reach(self, positions: Iterable[Position]) -> dict[Key, int]:
        """Record delivered positions; return the offsets to commit, of valid assignments."""
        out = {}
        with self._lock:
            for position in positions:
                held = self._find(position.source, position.partition)
                if held is not None and (held.reached is None or position.offset > held.reached):
                    held.reached = position.offset
                    out[topic_of(position.source), position.partition] = position.offset
        return out

    def note_committed(self, offsets: dict[Key, int]) -> None:
        """Record committed offsets."""
        with self._lock:
            for key, offset in offsets.items():
                if key in self._held:
                    self._held[key].committed = offset

    def uncommitted(self, keys: Iterable[Key] | None = None) -> dict[Key, int]:
        """Return the offsets that are delivered but not committed."""
        with self._lock:
            wanted = self._held.keys() if keys is None else keys
            found = {key: self._held[key] for key in wanted if key in self._held}
            return {
                key: held.reached
                for key, held in found.items()
                if held.reached is not None and held.reached != held.committed
            }

    def base(self, source: str, partition: int) -> int | None:
        """Return the offset of the first message not known to be delivered."""
        with self._lock:
            held = self._find(source, partition)
            return None if held is None else held.base

    def bases(self) -> dict[Key, int | None]:
        """Return the same for all partitions."""
        with self._lock:
            return {key: held.base for key, held in self._held.items()}

    def cut_of(self, source: str, partition: int) -> int | None:
        """Return the offset at which the first window of an assignment must end, if any."""
        with self._lock:
            held = self._find(source, partition)
            return None if held is None else held.cut

    def _find(self, source: str, partition: int) -> Held | None:
        topic, _, number = source.rpartition("#")
        held = self._held.get((topic, partition))
        return held if held is not None and str(held.number) == number else None
