"""Stage: the base classes of sources and operators. Each stage is used by one thread only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol


class Source(Protocol):
    """Base of sources."""

    name: str

    def __iter__(self) -> Iterator[Any]:
        """Yield items in order."""
        ...

    def stop(self) -> None:
        """End the iteration soon, without losing data already read; called from another thread."""
        ...

    def close(self) -> None:
        """Release resources; called once, after the iteration has ended in any way."""
        ...


class Operator:
    """Base of all stages except sources: maps items to items. A sink returns none.

    Attributes
    ----------
    ahead
        Items that ``prepare`` may get at once; with 1 it is not called. Such an operator has no deadline.
    """

    name = "operator"
    ahead = 1

    def prepare(self, item: Any) -> Any:
        """Do what depends on the item alone, from any thread; return the item for ``process``."""
        return item

    def process(self, item: Any) -> Iterable[Any]:
        """Process an item; return resulting items (``None`` among them is dropped)."""
        return (item,)

    def finish(self) -> Iterable[Any]:
        """Return buffered items at the end of the stream; not called after an error."""
        return ()

    def deadline(self) -> float | None:
        """Return the time at which ``expire`` is due, by ``time.monotonic()``, or None."""
        return None

    def expire(self) -> Iterable[Any]:
        """Return items due at the deadline; must advance the deadline."""
        return ()

    def close(self) -> None:
        """Release resources; called once at the end, also after an error."""
