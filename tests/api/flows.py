"""Flows of a small network as tables, and a detector of it."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from morpheus_gae import Detector
from morpheus_gae.flows.addresses.text import format_addresses
from tests.fixtures.make import MODELS
from tests.support import make_flows


def make_table(count: int, seed: int = 0) -> pa.Table:
    """``make_flows`` with canonical columns."""
    flows = make_flows(count, seed=seed)
    duration = pa.array(flows.attributes[:, 2].astype(np.float64), mask=flows.duration_missing)
    return pa.table(
        {
            "FLOW_START_MILLISECONDS": flows.time_ms,
            "IPV4_SRC_ADDR": format_addresses(flows.src_hi, flows.src_lo),
            "IPV4_DST_ADDR": format_addresses(flows.dst_hi, flows.dst_lo),
            "L4_SRC_PORT": np.arange(count) % 60_000 + 1024,
            "L4_DST_PORT": np.full(count, 443),
            "PROTOCOL": np.full(count, 6),
            "IN_BYTES": flows.attributes[:, 0].astype(np.int64),
            "OUT_BYTES": flows.attributes[:, 1].astype(np.int64),
            "FLOW_DURATION_MILLISECONDS": duration,
        }
    )


def changed(table: pa.Table, name: str, change: Callable[[list], object]) -> pa.Table:
    """The table with one column's list of values changed."""
    values = table[name].to_pylist()
    change(values)
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


@functools.cache
def compiled() -> None:
    """Let another process compile the kernels.

    A process that compiles them may round the last bit otherwise than those that load them: workers load.
    """
    code = "from tests.api.flows import *; known(windows='clock', window_seconds=2).examine(make_table(600))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def known(**params: object) -> Detector:
    """A detector of the network of ``make_table``."""
    return Detector.load(MODELS / "default", **{"alert_rate": 0.02, **params})


@functools.cache
def fitted() -> Detector:
    """The same, trained for a moment on ``make_table(2500)``; not to be changed."""
    return Detector(epochs=1, alert_rate=0.02).fit(make_table(2500))
