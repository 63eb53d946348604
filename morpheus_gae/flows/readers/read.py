"""Read: flows from files, folders, globs and stdin, in any of the formats, in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.layout import choose
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.files.inputs import STDIN, expand, total_bytes
from morpheus_gae.flows.files.interfaces import Switch, is_interface
from morpheus_gae.flows.files.stream import COMPRESSIONS, Stream, TruncatedError, open_stream
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.packets.pcap import capture_batches, live_batches
from morpheus_gae.flows.packets.walk import MAGIC
from morpheus_gae.flows.readers.columnar import FILE_MAGIC, arrow_batches, parquet_batches
from morpheus_gae.flows.readers.partitions import partitions_of, with_partitions
from morpheus_gae.flows.text.blocks import BLOCK_BYTES
from morpheus_gae.flows.text.csv import CsvReader
from morpheus_gae.flows.text.ndjson import NdjsonReader
from morpheus_gae.flows.trace import tracing

__all__ = ["FlowBatch", "expand", "read_flows", "table_to_flows", "total_bytes"]

FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".pcap": "pcap",
    ".pcapng": "pcap",
    ".cap": "pcap",
}
_WHITE = b"\xef\xbb\xbf \t\r\n"
KINDS = ("parquet", "csv", "ndjson", "arrow", "pcap")


def format_of(path: str) -> str | None:
    """Format by extension, compression set aside; None if the extension says nothing."""
    name = Path(path)
    if name.suffix.lower() in COMPRESSIONS:
        name = name.with_suffix("")
    return FORMATS.get(name.suffix.lower())


def read_flows(
    inputs: str | Sequence[str],
    *,
    batch_rows: int = 262_144,
    stdin_format: str | None = None,
    block_bytes: int = BLOCK_BYTES,
    preset: PresetLike = None,
    skip: int = 0,
    dictionaries: bool = False,
    go_on: bool = False,
    switch: Switch | None = None,
) -> Iterator[FlowBatch]:
    """Read flows, a batch at a time, input after input; memory is bounded by a batch.

    Parameters
    ----------
    inputs
        Paths, folders or globs (their files in order of name, see ``inputs.expand``) of Parquet, CSV, TSV,
        NDJSON (also a JSON array), Arrow IPC and captures of packets (pcap, pcapng), each also ``.gz`` or
        ``.zst``; ``-`` is stdin, ``interface:eth0`` what that one sees. A Parquet file that is compressed as
        a whole, or comes from stdin, is held in memory. Where the extension is unknown, the first bytes
        tell. Folders called ``name=value`` on the way to a file are columns of text of its flows, unless it
        has columns of these names.
    batch_rows
        Rows of a batch at most (Parquet, Arrow); one of Parquet ends where a row group ends.
    stdin_format
        One of ``KINDS``; found out from the first bytes if None.
    block_bytes
        Bytes of a batch (text).
    preset
        Whose columns they are, see ``presets.NAMES``; told by the columns, input by input, if None.
    skip
        Records at the beginning of each input that nobody wants: left out as far as that is cheap (Parquet);
        whoever asks looks at ``Flows.rows``.
    dictionaries
        Text of Parquet files may come as dictionary columns: faster, where whoever reads knows these.
    go_on
        Of several inputs, one that cannot be read is a bad record in place of an error.
    switch
        Ends live captures.

    Yields
    ------
    FlowBatch
        Bad records never stop the run: they come beside the flows of their batch. A file that ends too
        early gives what is readable and one bad record.

    Raises
    ------
    InputError
        If a file does not exist, or has no column that is required.
    UsageError
        If ``stdin_format`` or ``preset`` is unknown.
    """
    if stdin_format is not None and stdin_format not in KINDS:
        raise UsageError(f"unknown format {stdin_format!r}: choose {', '.join(KINDS)}")
    choose((), preset)
    paths = expand(inputs)
    go_on = go_on and len(paths) > 1
    for path in paths:
        if is_interface(path):
            yield from live_batches(path, switch)
            continue
        row = 0
        told = partitions_of(path)
        stream: Stream | None = None
        try:
            stream = open_stream(path)
            for batch in _batches(
                path, stream, batch_rows, stdin_format, block_bytes, preset, skip, dictionaries
            ):
                row += len(batch.flows) + len(batch.bad) + batch.skipped.total()
                if len(batch.flows):
                    # more than were counted, where some were left out
                    row = max(row, int(batch.flows.rows[-1]) + 1)
                yield with_partitions(batch, told) if told else batch
        except TruncatedError as error:
            tail = error.tail.decode("utf-8", "replace")
            bad = BadRecord(Reason.TRUNCATED, path, row, str(error), tail)
            yield nothing(bad)
        except InputError as error:
            if not go_on:
                raise
            bad = BadRecord(Reason.REFUSED, path, row, str(error).removeprefix(f"{path}: "), "")
            yield nothing(bad)
        finally:
            if stream is not None:
                stream.close()


def sniff(stream: Stream) -> str:
    """Format of a stream from its first bytes, which stay to be read."""
    head = stream.peek(8, lambda given: given.lstrip(_WHITE)[:1] in (b"{", b"["))
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((FILE_MAGIC, b"\xff\xff\xff\xff")):
        return "arrow"
    if head.startswith(MAGIC):
        return "pcap"
    head = stream.peek(4096, lambda given: given.lstrip(_WHITE) != b"")
    return "ndjson" if head.lstrip(_WHITE)[:1] in (b"{", b"[") else "csv"


def _batches(
    path: str,
    stream: Stream,
    batch_rows: int,
    stdin_format: str | None,
    block_bytes: int,
    preset: PresetLike,
    skip: int,
    dictionaries: bool,
) -> Iterator[FlowBatch]:
    told = stdin_format if path == STDIN else format_of(path)
    kind = told or sniff(stream)
    how = "its first bytes" if told is None else "--format" if path == STDIN else "its name"
    tracing().source(kind, how, stream.compression)
    if kind == "parquet":
        whole = Path(path).suffix.lower() in COMPRESSIONS or not os.path.isfile(path)
        yield from parquet_batches(path, stream, batch_rows, whole, preset, skip, dictionaries)
    elif kind == "arrow":
        yield from arrow_batches(path, stream, batch_rows, preset)
    elif kind == "pcap":
        yield from capture_batches(path, stream, batch_rows)
    elif kind == "csv":
        yield from CsvReader(stream, path, block_bytes, preset)
    else:
        yield from NdjsonReader(stream, path, block_bytes, preset)


def nothing(bad: BadRecord) -> FlowBatch:
    """A batch of a bad record alone."""
    return FlowBatch(_no_flows(), [bad], bad.source)


def _no_flows() -> Flows:
    text, number = pa.array([], pa.string()), pa.array([], pa.int64())
    empty = pa.table(
        [text, text, number, number, number], [columns.IPV4_SRC, columns.IPV4_DST, *columns.ATTRIBUTES]
    )
    return table_to_flows(empty).flows
