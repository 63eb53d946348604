"""EncodedSink: alerts in an encoding, into any sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.detect.encodings import Encode
    from morpheus_gae.sinks.sink import Sink


class EncodedSink:
    """Encodes every table on its way into a sink.

    Parameters
    ----------
    sink
        Gets the encoded rows; closed with this one.
    encode
        From alert rows to rows in the encoding (``detect.encodings.encoding``).
    """

    def __init__(self, sink: Sink, encode: Encode) -> None:
        self._sink, self._encode = sink, encode

    def add(self, table: pa.Table) -> None:
        """Encode and write the rows."""
        self._sink.add(self._encode(table))

    def flush(self) -> None:
        """Flush the sink beneath."""
        self._sink.flush()

    def close(self) -> None:
        """Close the sink beneath."""
        self._sink.close()
