"""LazySink: opens a sink at its first table, so that a run that fails before truncates nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from morpheus_gae.sinks.sink import rendered

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.sinks.sink import Rendered, Sink


class LazySink:
    """Opens a sink on the first write or flush, even of an empty table.

    Parameters
    ----------
    open_sink
        Opens the sink; invalid destinations are refused before (``sinks.open.check_destination``).
    """

    def __init__(self, open_sink: Callable[[], Sink]) -> None:
        self._open = open_sink
        self._sink: Sink | None = None

    @property
    def sink(self) -> Sink:
        """The sink, opened on first use."""
        if self._sink is None:
            self._sink = self._open()
        return self._sink

    def add(self, table: pa.Table | Rendered) -> None:
        """Write the rows."""
        self.sink.add(table)

    def rendered(self, table: pa.Table) -> Any:
        """Return rows as the sink takes them, once it is open."""
        return table if self._sink is None else rendered(self._sink, table)

    def flush(self) -> None:
        """Flush; creates an empty output if nothing was written."""
        self.sink.flush()

    def close(self) -> None:
        """Close the sink, if it was opened."""
        if self._sink is not None:
            self._sink.close()
