"""Sink: the protocol of all sinks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from morpheus_gae.errors import OutputError

if TYPE_CHECKING:
    import pyarrow as pa


class OutputClosed(OutputError):  # noqa: N818
    """The reader of our output has exited (``| head``)."""


class Sink(Protocol):
    """Protocol: a sink of tables, in order."""

    def add(self, table: pa.Table) -> None:
        """Write a table.

        Raises
        ------
        OutputClosed
            If the reader has exited.
        OutputError
            If it cannot be written.
        """
        ...

    def flush(self) -> None:
        """Pass everything written so far to the operating system, in whole records."""
        ...

    def close(self) -> None:
        """Close; nothing can be added afterwards. Idempotent."""
        ...


class Rendered(NamedTuple):
    """Rows as the bytes that a sink writes."""

    parts: list[bytes]


def rendered(sink: Any, table: pa.Table) -> Any:
    """Return rows as the sink's ``add`` takes them too, but sooner; the rows themselves if there is no such.

    May be called from any thread, and before the rows of earlier tables are added.
    """
    return sink.rendered(table) if hasattr(sink, "rendered") else table


@contextmanager
def told(name: str) -> Iterator[None]:
    """Convert system errors to ours, with the name of the output."""
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed(f"{name}: the reader of the output is gone") from None
    except OSError as error:
        raise OutputError(f"{name} cannot be written: {error.strerror or error}") from None
