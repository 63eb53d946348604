"""Records that tell their number, and files of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.tables.concat import stack

NAMES = [
    "FLOW_START_MILLISECONDS",
    "IPV4_SRC_ADDR",
    "IPV4_DST_ADDR",
    "IN_BYTES",
    "OUT_BYTES",
    "FLOW_DURATION_MILLISECONDS",
    "Attack",
]


def record(i: int, **other: Any) -> dict[str, Any]:
    """A good record; its forward bytes are its number."""
    hosts = f"10.0.{i // 250}.{i % 250}", f"2001:db8::{i:x}"
    values = [1_700_000_000_000 + i, *hosts, i, 2 * i, i % 7, f"a{i % 3}"]
    return {**dict(zip(NAMES, values, strict=True)), **other}


def table(count: int) -> pa.Table:
    return pa.Table.from_pylist([record(i) for i in range(count)])


def csv_line(row: dict[str, Any]) -> str:
    return ",".join("" if v is None else str(v) for v in row.values())


def csv_text(rows: list[dict[str, Any]]) -> str:
    return "".join(line + "\n" for line in [",".join(rows[0]), *map(csv_line, rows)])


def json_text(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def joined(batches: list[FlowBatch]) -> tuple[Flows, list[tuple[int, str]]]:
    """All flows, and the row and reason of each bad record."""
    parts = [b.flows for b in batches if len(b.flows)] or [b.flows for b in batches[:1]]
    flows = Flows(
        table=stack([p.table for p in parts]),
        src_hi=np.concatenate([p.src_hi for p in parts]),
        src_lo=np.concatenate([p.src_lo for p in parts]),
        dst_hi=np.concatenate([p.dst_hi for p in parts]),
        dst_lo=np.concatenate([p.dst_lo for p in parts]),
        attributes=np.concatenate([p.attributes for p in parts]),
        duration_missing=np.concatenate([p.duration_missing for p in parts]),
        rows=np.concatenate([p.rows for p in parts]),
    )
    return flows, [(bad.row, bad.reason.value) for b in batches for bad in b.bad]


def numbers(flows: Flows) -> list[int]:
    """The numbers of the records."""
    return [int(x) for x in flows.attributes[:, 0]]
