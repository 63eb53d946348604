"""Files that reports are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.incidents.make import START, Row, alerts, host

NASTY = (
    "</script><script>document.documentElement.dataset.failed='ran'</script>",
    '"><img src=x onerror="document.documentElement.dataset.failed=1">',
    "<!--<script>",
    "\u2028\u202e{{7*7}}${7*7}&lt;b&gt;",
    "javascript:document.documentElement.dataset.failed=2",
)


def some(count: int = 0) -> pa.Table:
    """A scan of 30 hosts, one flow outside, and ``count`` flows of many pairs."""
    rows: list[Row] = [(i, host(1), host(10 + i), 8000, 60, 40, 9.0) for i in range(30)]
    rows.append((3, host(2), host(5, inside=False), 443, 500, 900, 6.0))
    rng = np.random.default_rng(3)
    src, dst = rng.integers(0, 400, (2, count))
    rows += [
        (8.0 * i, host(int(s)), host(int(d), d % 2 == 0), 443, 100 + int(d), 700, 5 + float(s) / 60)
        for i, (s, d) in enumerate(zip(src, dst, strict=True))
    ]
    return alerts(rows)


def written(folder: Path, table: pa.Table, name: str = "alerts.parquet") -> Path:
    path = folder / name
    pq.write_table(table, path)
    return path


def flows(folder: Path, count: int = 600, name: str = "flows.parquet") -> Path:
    """Labelled flows of a day; every tenth is an attack that no model has seen."""
    rng = np.random.default_rng(5)
    attack = np.arange(count) % 10 == 9
    table = pa.table(
        {
            "FLOW_START_MILLISECONDS": START + np.arange(count) * (86_400_000 // count),
            "IPV4_SRC_ADDR": [f"10.0.0.{1 + i % 20}" for i in range(count)],
            "IPV4_DST_ADDR": [f"203.0.113.{i % 250}" if a else "10.0.0.99" for i, a in enumerate(attack)],
            "IN_BYTES": np.where(attack, 900_000, 100 + rng.integers(0, 50, count)),
            "OUT_BYTES": np.where(attack, 7, 300 + rng.integers(0, 50, count)),
            "FLOW_DURATION_MILLISECONDS": pa.array(rng.random(count) * 10, mask=np.arange(count) % 6 == 0),
            "Label": attack.astype(np.int8),
            "Attack": np.where(attack, np.where(np.arange(count) % 20 == 9, "scan", "leak"), "Benign"),
        }
    )
    return written(folder, table, name)
