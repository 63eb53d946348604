"""EncodedSink: encodes alerts before passing them to another sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from morpheus_gae.sinks.sink import rendered

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.detect.encodings import Encode
    from morpheus_gae.sinks.sink import Sink


class Encoded(NamedTuple):
    """Encoded rows, as the target takes them."""

    rows: Any


class EncodedSink:
    """Encodes every table before writing it to a sink.

    Parameters
    ----------
    sink
        Target of the encoded rows; closed with this one.
    encode
        Converts alert rows to the encoding (``detect.encodings.encoding``).
    """

    def __init__(self, sink: Sink, encode: Encode) -> None:
        self._sink, self._encode = sink, encode

    def add(self, table: pa.Table | Encoded) -> None:
        """Encode and write the rows."""
        self._sink.add(table.rows if isinstance(table, Encoded) else self._encode(table))

    def rendered(self, table: pa.Table) -> Encoded:
        """Return the rows encoded, as the target takes them."""
        return Encoded(rendered(self._sink, self._encode(table)))

    def flush(self) -> None:
        """Flush the target."""
        self._sink.flush()

    def close(self) -> None:
        """Close the target."""
        self._sink.close()
