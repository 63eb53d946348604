"""Sink: writes alerts to a topic, as one JSON object per message, or as Arrow IPC tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.errors import UsageError
from morpheus_gae.kafka.keys import pair_keys, pair_partitions
from morpheus_gae.kafka.outbox import MESSAGE_BYTES, Headers, Outbox
from morpheus_gae.kafka.shorten import shorten
from morpheus_gae.sinks.conform import plain
from morpheus_gae.sinks.ndjson import json_lines

FORMATS = {"ndjson": b"application/json", "arrow": b"application/vnd.apache.arrow.stream"}
CHUNK_ROWS = 65_536
ARROW_ROWS = 4_096


class KafkaSink:
    """Sink of a topic; ``flush`` returns once all messages are acknowledged.

    Parameters
    ----------
    outbox
        Delivers.
    topic
        Where to.
    format
        ``ndjson``: one message per alert, keyed by the pair of hosts. ``arrow``: many alerts per message; the
        pair determines the partition.
    encode
        Converts alert rows to another encoding.
    key
        Column used as the message key, instead of the pair of hosts; only ``ndjson``.
    """

    def __init__(
        self,
        outbox: Outbox,
        topic: str,
        format: str = "ndjson",
        encode: Callable[[pa.Table], pa.Table] | None = None,
        key: str | None = None,
    ) -> None:
        if format not in FORMATS:
            raise UsageError(f"unknown --output_format {format!r}: choose {', '.join(FORMATS)}")
        self._outbox, self._topic, self._format = outbox, topic, format
        self._encode, self._key = encode or _same, key
        self._headers: Headers = []
        self._partitions = 0

    def add(self, table: pa.Table) -> None:
        """Send rows with canonical addresses.

        Raises
        ------
        OutputError
            If the cluster refuses them.
        """
        if table.num_rows:
            # the rows of a window are from one model
            model = str(table["model"][0].as_py()).encode() if "model" in table.column_names else b""
            self._headers = [("content-type", FORMATS[self._format]), ("model", model)]
        for start in range(0, table.num_rows, CHUNK_ROWS):
            part = table.slice(start, CHUNK_ROWS)
            if self._format == "ndjson":
                self._lines(part)
            else:
                self._tables(part)

    def flush(self) -> None:
        """Wait until all messages are acknowledged.

        Raises
        ------
        OutputError
            If one was not.
        """
        self._outbox.flush()

    def close(self) -> None:
        """Close the outbox; unacknowledged messages are lost."""
        self._outbox.close()

    def _lines(self, table: pa.Table) -> None:
        lines = json_lines(self._encode(table)).split(b"\n")
        send, topic, headers = self._outbox.send, self._topic, self._headers
        if max(map(len, lines)) > MESSAGE_BYTES:
            lines = [self._fitting(table, row, line) for row, line in enumerate(lines)]
        keys = pair_keys(table) if self._key is None else [k.encode() for k in table[self._key].to_pylist()]
        for key, line in zip(keys, lines, strict=False):
            send(topic, line, key, headers)

    def _fitting(self, table: pa.Table, row: int, line: bytes) -> bytes:
        # a refused message would be refused each time it is read
        if len(line) <= MESSAGE_BYTES:
            return line
        return json_lines(self._encode(shorten(table.slice(row, 1)))).rstrip(b"\n")

    def _tables(self, table: pa.Table) -> None:
        if not self._partitions:
            found = self._outbox.producer.list_topics(self._topic, timeout=30).topics[self._topic]
            self._partitions = max(1, len(found.partitions))
        to = pair_partitions(table, self._partitions)
        encoded = plain(self._encode(table))
        order = np.argsort(to, kind="stable")
        bounds = np.searchsorted(to[order], np.arange(self._partitions + 1))
        for partition in range(self._partitions):
            rows = order[bounds[partition] : bounds[partition + 1]]
            for start in range(0, len(rows), ARROW_ROWS):
                self._table(encoded.take(pa.array(rows[start : start + ARROW_ROWS])), partition)

    def _table(self, table: pa.Table, partition: int) -> None:
        data = _arrow(table)
        if len(data) > MESSAGE_BYTES and table.num_rows > 1:
            half = table.num_rows // 2
            self._table(table.slice(0, half), partition)
            self._table(table.slice(half), partition)
            return
        if len(data) > MESSAGE_BYTES:
            data = _arrow(shorten(table))
        self._outbox.send(self._topic, data, None, self._headers, partition)


def _same(table: pa.Table) -> pa.Table:
    return table


def _arrow(table: pa.Table) -> bytes:
    table = table.combine_chunks()
    out = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(out, table.schema, options=options) as writer:
        writer.write_table(table)
    data: Any = out.getvalue().to_pybytes()
    return bytes(data)
