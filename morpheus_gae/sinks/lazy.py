"""LazySink: a destination that is opened for its first table: a run that fails before empties nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.sinks.sink import Sink


class LazySink:
    """Opens a sink when something is written or flushed, an empty table too.

    Parameters
    ----------
    open_sink
        Opens it; what can be refused before should have been (``sinks.open.check_destination``).
    """

    def __init__(self, open_sink: Callable[[], Sink]) -> None:
        self._open = open_sink
        self._sink: Sink | None = None

    @property
    def sink(self) -> Sink:
        """The sink, opened now if it was not yet."""
        if self._sink is None:
            self._sink = self._open()
        return self._sink

    def add(self, table: pa.Table) -> None:
        """Write the rows."""
        self.sink.add(table)

    def flush(self) -> None:
        """Hand over what was written; an output that nothing was written to is there, and empty."""
        self.sink.flush()

    def close(self) -> None:
        """Finish it; does nothing to a destination that was never opened."""
        if self._sink is not None:
            self._sink.close()
