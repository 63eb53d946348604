"""Read: flows from files, globs and stdin, in any of the formats, in order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.blocks import BLOCK_BYTES, Stream, Truncated, open_stream
from morpheus_gae.flows.columnar import FILE_MAGIC, arrow_batches, parquet_batches
from morpheus_gae.flows.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.csv import CsvReader
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.ndjson import NdjsonReader, _no_flows

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
}
COMPRESSED = (".gz", ".zst", ".zstd")


def expand(inputs: str | Sequence[str]) -> list[str]:
    """Paths of the inputs: globs expanded and sorted, ``-`` kept.

    Raises
    ------
    InputError
        If one of them matches no file.
    """
    out: list[str] = []
    for given in [inputs] if isinstance(inputs, str) else inputs:
        if given == "-" or os.path.exists(given):
            found = [given]
        else:
            found = sorted(glob.glob(given, recursive=True))
        if not found:
            raise InputError(f"{given}: no such file, and as a pattern it matches none")
        for path in found:
            if os.path.isdir(path):
                raise InputError(f"{path} is a folder; give files or a pattern such as '{path}/*.parquet'")
        out += found
    return out


def total_bytes(inputs: str | Sequence[str]) -> int | None:
    """Bytes of all inputs, or None if that cannot be known (stdin, pipes)."""
    paths = expand(inputs)
    if any(p == "-" or not os.path.isfile(p) for p in paths):
        return None
    return sum(os.path.getsize(p) for p in paths)


def format_of(path: str) -> str:
    """Format by extension, compression set aside.

    Raises
    ------
    UsageError
        For an unknown extension; the message lists the known ones.
    """
    name = Path(path)
    if name.suffix.lower() in COMPRESSED:
        name = name.with_suffix("")
    try:
        return FORMATS[name.suffix.lower()]
    except KeyError:
        known = " ".join(sorted(FORMATS))
        raise UsageError(f"{path}: unknown format {name.suffix or '(no extension)'!r}; known: {known}") from None


def read_flows(
    inputs: str | Sequence[str],
    *,
    batch_rows: int = 65_536,
    stdin_format: str | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[FlowBatch]:
    """Read flows, a batch at a time; memory is bounded by a batch.

    Parameters
    ----------
    inputs
        Paths or globs of Parquet, CSV/TSV, NDJSON (also a JSON array) and Arrow IPC files, the text ones and
        Arrow also ``.gz`` or ``.zst``; ``-`` is stdin.
    batch_rows
        Rows of a batch (columnar formats).
    stdin_format
        ``parquet``, ``csv``, ``ndjson`` or ``arrow``; found out from the first bytes if None.
    block_bytes
        Bytes of a batch (text formats).

    Yields
    ------
    FlowBatch
        Bad records never stop the run: they come beside the flows of their batch. A file that ends too
        early gives what is readable and one bad record.

    Raises
    ------
    InputError
        If a file does not exist or lacks a required column.
    """
    for path in expand(inputs):
        stream = open_stream(path)
        try:
            yield from _read_one(path, stream, batch_rows, stdin_format, block_bytes)
        finally:
            stream.close()


def _read_one(
    path: str, stream: Stream, batch_rows: int, stdin_format: str | None, block_bytes: int
) -> Iterator[FlowBatch]:
    row = 0
    try:
        head = b""
        if path == "-":
            kind = stdin_format
            if kind is None:
                head = stream.read(1 << 16)
                kind = sniff(head)
        else:
            kind = format_of(path)
        if kind == "parquet":
            if path != "-" and Path(path).suffix.lower() in COMPRESSED:
                raise UsageError(f"{path}: a Parquet file is compressed inside; decompress it first")
            batches: Iterator[FlowBatch] = parquet_batches(path, stream, batch_rows, head)
        elif kind in ("arrow", "feather"):
            batches = arrow_batches(path, stream, batch_rows, head)
        elif kind == "csv":
            batches = iter(CsvReader(stream, path, block_bytes, head))
        elif kind == "ndjson":
            batches = iter(NdjsonReader(stream, path, block_bytes, head))
        else:
            raise UsageError(f"unknown format {kind!r}: choose parquet, csv, ndjson or arrow")
        for batch in batches:
            row += len(batch.flows) + len(batch.bad)
            yield batch
    except Truncated as error:
        bad = BadRecord(Reason.TRUNCATED, path, row, str(error)[:200], "")
        yield FlowBatch(_none(), [bad], path)


def sniff(head: bytes) -> str:
    """Format of a stream from its first bytes."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(FILE_MAGIC) or head.startswith(b"\xff\xff\xff\xff"):
        return "arrow"
    return "ndjson" if head.lstrip()[:1] in (b"{", b"[") else "csv"


def _none() -> Flows:
    return _no_flows()
