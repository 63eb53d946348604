"""Flagged flows by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.exporters.convert import table_to_flows

START = 1_741_593_600_000

Row = tuple[float, str, str, int, int, int, float]
"""Seconds after ``START``, source, destination, port, bytes out, bytes in, surprise."""


def alerts(rows: Sequence[Row], times: bool = True, protocol: int = 6) -> pa.Table:
    """Alert rows as the pipeline makes them, threshold 5 nats."""
    seconds, src, dst, port, up, down, surprise = zip(*rows, strict=True) if rows else ((),) * 7
    n = len(rows)
    columns: dict[str, Any] = {
        "FLOW_START_MILLISECONDS": pa.array([START + round(1000 * s) for s in seconds], pa.int64()),
        "IPV4_SRC_ADDR": pa.array(src, pa.string()),
        "IPV4_DST_ADDR": pa.array(dst, pa.string()),
        "L4_SRC_PORT": pa.array([50_000] * n, pa.int32()),
        "L4_DST_PORT": pa.array(port, pa.int32()),
        "PROTOCOL": pa.array([protocol] * n, pa.int32()),
        "IN_BYTES": pa.array(up, pa.int64()),
        "OUT_BYTES": pa.array(down, pa.int64()),
        "FLOW_DURATION_MILLISECONDS": pa.array([10.0] * n, pa.float64()),
    }
    if not times:
        del columns["FLOW_START_MILLISECONDS"]
    flows = table_to_flows(pa.table(columns)).flows
    s = np.asarray(surprise, np.float32)
    scores = Scores((-np.expm1(-s)).astype(np.float32), s.astype(np.float64), s, np.zeros(n, np.float32))
    return alert_table(flows, scores, np.ones(n, bool), np.float32(5.0), "toy@1")


def host(number: int, inside: bool = True) -> str:
    """An address of the inside, or one of the outside."""
    net = "10.1" if inside else "203.0"
    return f"{net}.{number // 200}.{number % 200 + 1}"
