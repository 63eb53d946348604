"""Records, as files of every format."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.flows.readers.read import read_flows

HEADER = (
    "FLOW_START_MILLISECONDS,IPV4_SRC_ADDR,L4_SRC_PORT,IPV4_DST_ADDR,L4_DST_PORT,PROTOCOL,"
    "IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS"
)
NAMES = HEADER.split(",")


def record(i: int, **changed: Any) -> dict[str, Any]:
    """A flow whose numbers tell which one it is."""
    values = [
        1_700_000_000_000 + i,
        f"10.0.{i // 250 % 256}.{i % 250}",
        1024 + i % 60_000,
        "192.168.0.1",
        443,
        6,
        100 + i,
        7 * i,
        i % 1000,
    ]
    return {**dict(zip(NAMES, values, strict=True)), **changed}


def csv_line(row: dict[str, Any], mark: str = ",") -> str:
    return mark.join("" if value is None else str(value) for value in row.values())


def csv_text(rows: list[dict[str, Any]], mark: str = ",", end: str = "\n") -> str:
    return end.join([mark.join(rows[0]), *(csv_line(row, mark) for row in rows)]) + end


def ndjson_text(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def compressed(data: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(data)
    if suffix == ".zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as out:
            out.write(data)
        return sink.getvalue().to_pybytes()
    return data


def encoded(rows: list[dict[str, Any]], kind: str) -> bytes:
    """The rows in a format: csv, tsv, ndjson, json (an array), parquet, arrow, arrows."""
    if kind == "csv":
        return csv_text(rows).encode()
    if kind == "tsv":
        return csv_text(rows, "\t").encode()
    if kind == "ndjson":
        return ndjson_text(rows).encode()
    if kind == "json":
        return json.dumps(rows, indent=2).encode()
    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(table, sink, row_group_size=100)
    else:
        opened = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with opened(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    return sink.getvalue().to_pybytes()


def read(*paths: Path | str, **settings: Any) -> tuple[Flows, list[BadRecord]]:
    """Everything in some files, as one."""
    batches = list(read_flows([str(path) for path in paths], **settings))
    return concat([batch.flows for batch in batches]), [bad for batch in batches for bad in batch.bad]


def read_bytes(folder: Path, name: str, data: bytes | str, **settings: Any) -> tuple[Flows, list[BadRecord]]:
    """As ``read``, of a file that is written first."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read(path, **settings)


def reasons(bad: list[BadRecord]) -> dict[str, int]:
    return dict(Counter(record.reason.value for record in bad))
