"""What an engine runs: one source, then operators. Each stage is used by one thread only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol


class Source(Protocol):
    """Where items come from."""

    name: str

    def __iter__(self) -> Iterator[Any]:
        """Items in order."""
        ...

    def stop(self) -> None:
        """End the iteration soon, without loss of what was read; called from another thread."""
        ...

    def close(self) -> None:
        """Release what is held; called once, after the iteration has ended, however it did."""
        ...


class Operator:
    """Takes items, gives items; the base of every stage but the source. A sink gives none."""

    name = "operator"

    def process(self, item: Any) -> Iterable[Any]:
        """Items that follow from this one; ``None`` among them is dropped."""
        return (item,)

    def finish(self) -> Iterable[Any]:
        """Items held back, at the end of the stream; not called after an error."""
        return ()

    def deadline(self) -> float | None:
        """Reading of ``time.monotonic()`` at which ``expire`` is due, or None."""
        return None

    def expire(self) -> Iterable[Any]:
        """Items to give because the deadline passed; it must move the deadline."""
        return ()

    def close(self) -> None:
        """Release what is held; called once, at the end, after an error too."""
