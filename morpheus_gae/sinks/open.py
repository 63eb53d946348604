"""Open: opens a sink by its path or name."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.alone import open_alone
from morpheus_gae.sinks.columnar import ColumnSink
from morpheus_gae.sinks.sink import OutputClosed, Sink
from morpheus_gae.sinks.text import TextSink

__all__ = ["OutputClosed", "Sink", "check_destination", "open_sink"]

FORMATS = {
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
}
KINDS = ("ndjson", "csv", "parquet", "arrow")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def open_sink(url: str, format: str | None = None) -> Sink:
    """Open a sink; an existing file is replaced.

    Parameters
    ----------
    url
        Path ending in .jsonl, .ndjson, .json, .csv (these also .gz or .zst), .parquet or .arrow; ``-`` is
        stdout (NDJSON unless ``format`` is given).
    format
        ``ndjson``, ``csv``, ``parquet`` or ``arrow``; overrides the extension.

    Raises
    ------
    OutputError
        If it cannot be opened.
    UsageError
        For an unknown extension or format; the message lists the known ones.
    """
    kind, packed = _kind(url, format)
    if url == "-":
        return TextSink(sys.stdout.buffer, "stdout", kind, owned=False)
    file = _open(url)
    if kind in ("parquet", "arrow"):
        return ColumnSink(file, url, kind)
    if packed == "gzip":
        return TextSink(
            gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0), url, kind, beneath=file
        )
    if packed == "zstd":
        wrapped = pa.CompressedOutputStream(pa.PythonFile(file, mode="w"), "zstd")
        return TextSink(wrapped, url, kind, beneath=file)
    return TextSink(file, url, kind)


def check_destination(url: str, format: str | None = None) -> None:
    """Refuse what ``open_sink`` would, as far as possible without touching the file.

    Raises
    ------
    OutputError
        If its folder does not exist, or it is not writable.
    UsageError
        For an unknown extension or format.
    """
    _kind(url, format)
    if url == "-":
        return
    folder = os.path.dirname(url) or "."
    if not os.path.isdir(folder):
        raise OutputError(f"{url} cannot be written: its folder does not exist")
    if os.path.isdir(url):
        raise OutputError(f"{url} cannot be written: it is a folder")
    if not os.access(url if os.path.exists(url) else folder, os.W_OK):
        raise OutputError(f"{url} cannot be written: permission denied")


def _kind(url: str, format: str | None) -> tuple[str, str | None]:
    """Return format and compression of a destination."""
    if format is not None and format not in KINDS:
        raise UsageError(f"unknown format {format!r}: choose {', '.join(KINDS)}")
    if url == "-":
        if format in ("parquet", "arrow"):
            raise UsageError(f"stdout takes ndjson or csv, not {format}: give a file")
        return format or "ndjson", None
    name = Path(url)
    packed = COMPRESSIONS.get(name.suffix.lower())
    suffix = (name.with_suffix("") if packed else name).suffix.lower()
    kind = format or FORMATS.get(suffix)
    if kind is None:
        found = suffix or "(no extension)"
        raise UsageError(f"{url}: unknown format {found!r}; known: {' '.join(FORMATS)}")
    if kind in ("parquet", "arrow") and packed:
        raise UsageError(f"{url}: {kind} files are not compressed as a whole; leave {name.suffix} out")
    return kind, packed


def _open(path: str) -> BinaryIO:
    try:
        return open_alone(path)
    except OSError as error:
        hint = "" if os.path.isdir(os.path.dirname(path) or ".") else "; its folder does not exist"
        raise OutputError(f"{path} cannot be written: {error.strerror}{hint}") from None
