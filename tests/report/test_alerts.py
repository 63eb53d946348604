from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.report.alerts import Alerts
from morpheus_gae.report.values import Asked, gather
from tests.report.make import some, written


def test_batches_are_one_whole() -> None:
    table = some(400)
    whole, parts = Alerts(100), Alerts(100)
    whole.add(table)
    for start in range(0, table.num_rows, 37):
        parts.add(table.slice(start, 37))
    assert (parts.count, parts.timed, parts.models) == (whole.count, whole.timed, whole.models)
    assert parts.hosts.top() == whole.hosts.top()
    np.testing.assert_array_equal(parts.timeline.counts, whole.timeline.counts)
    assert sorted(parts.listed()["surprise"]) == sorted(whole.listed()["surprise"])


def test_hosts_are_counted() -> None:
    table = some(300)
    alerts = Alerts(10)
    alerts.add(table)
    src, dst = table["IPV4_SRC_ADDR"].to_pylist(), table["IPV4_DST_ADDR"].to_pylist()
    for role, names, peers in (("sources", src, dst), ("targets", dst, src)):
        counts = Counter(names)
        for one in alerts.hosts.top()[role]:
            assert one["alerts"] == counts[one["host"]]
            assert one["peers"] == len({p for n, p in zip(names, peers, strict=True) if n == one["host"]})
    assert len(alerts.hosts) == len({*src, *dst})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[]] * 31, pa.list_(pa.null())),
        pa.array([["a"]] * 31, pa.large_list(pa.large_string())),
        pa.array([None] * 31),
        pa.array(["text"] * 31),
        pa.array([[1]] * 31),
        pa.array([{"a": 1}] * 31),
    ],
    ids=lambda v: str(v.type),
)
def test_columns_of_odd_types_end_nothing(values: pa.Array) -> None:
    table = some()
    odd = table
    for name in ("facts", "percentile_pair", "Attack", "other"):
        odd = odd.append_column(name, values)
    alerts = Alerts(50)
    for part in (odd, table, odd):
        alerts.add(part)
    assert alerts.listed()["n"] == 50


def test_facts_of_a_file_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    rows = [
        {**row, "facts": [] if i else ["first contact", "2 kB"]} for i, row in enumerate(some().to_pylist())
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = gather(Asked([str(path)]), None, lambda what, rows: None)["alerts"]
    assert told["n"] == 31
    assert ["first contact", "2 kB"] in told["facts"]
    assert (
        gather(Asked([str(written(tmp_path, some()))]), None, lambda what, rows: None)["alerts_total"] == 31
    )
