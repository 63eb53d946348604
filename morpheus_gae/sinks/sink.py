"""Sink: what every destination offers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from morpheus_gae.errors import OutputError

if TYPE_CHECKING:
    import pyarrow as pa


class OutputClosed(OutputError):  # noqa: N818
    """Whoever read our output has gone (``| head``): nothing more is wanted."""


class Sink(Protocol):
    """Where tables go, in order."""

    def add(self, table: pa.Table) -> None:
        """Take a table.

        Raises
        ------
        OutputClosed
            If nobody reads any more.
        OutputError
            If it cannot be written.
        """
        ...

    def flush(self) -> None:
        """Hand everything taken so far to the operating system, in whole records."""
        ...

    def close(self) -> None:
        """Finish; nothing can be added after. Closing again does nothing."""
        ...


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn the system's errors into ours, with the name of the destination."""
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed(f"{name}: the reader of the output is gone") from None
    except OSError as error:
        raise OutputError(f"{name} cannot be written: {error.strerror or error}") from None
