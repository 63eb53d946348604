from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from morpheus_gae.cli.simulate import command
from morpheus_gae.simulate.output.exporters import goflow2
from morpheus_gae.simulate.output.pace import paced
from morpheus_gae.simulate.simulate import Network, simulate_table


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return simulate_table(Network.build(3, 100), 2000, seed=1)


def test_a_flow_becomes_its_two_directions(table: pa.Table) -> None:
    records = goflow2(table).to_pylist()
    want: Counter[tuple[object, ...]] = Counter()
    for row in table.to_pylist():
        src, dst = (row[f"IPV4_{end}_ADDR"] or row.get(f"IPV6_{end}_ADDR") for end in ("SRC", "DST"))
        ports = row["L4_SRC_PORT"], row["L4_DST_PORT"]
        want[(src, dst, *ports, row["IN_BYTES"], row["IN_PKTS"])] += 1
        if row["OUT_BYTES"]:
            want[(dst, src, *ports[::-1], row["OUT_BYTES"], row["OUT_PKTS"])] += 1
    names = ("src_addr", "dst_addr", "src_port", "dst_port", "bytes", "packets")
    assert Counter(tuple(r[n] for n in names) for r in records) == want
    assert {r["etype"] for r in records} == {"IPv4", "IPv6"}
    assert all(r["time_flow_end_ns"] >= r["time_flow_start_ns"] for r in records)
    assert not any("Attack" in r or "Label" in r for r in records)


def test_the_command_writes_records_and_refuses_columns(tmp_path: Path) -> None:
    args = ["--flows", "500", "--hosts", "50", "--exporter", "goflow2", "--output"]
    result = CliRunner().invoke(command, [*args, str(tmp_path / "f.jsonl")])
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "f.jsonl").read_text().splitlines()
    assert 500 <= len(lines) <= 1000
    assert json.loads(lines[0])["type"] == "IPFIX"
    result = CliRunner().invoke(command, [*args, str(tmp_path / "f.parquet")])
    assert (result.exit_code, "NDJSON" in result.output) == (2, True)


def test_pace_keeps_rows_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    now = [0.0]
    monkeypatch.setattr("morpheus_gae.simulate.output.pace.time.monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("morpheus_gae.simulate.output.pace.time.sleep", sleep)
    tables = [pa.table({"i": np.arange(n) + 100 * n}) for n in (35, 0, 7)]
    parts = list(paced(tables, 100.0))
    assert max(part.num_rows for part in parts) == 10
    assert pa.concat_tables(parts).equals(pa.concat_tables(tables).combine_chunks())
    # 42 rows at 100 a second: the last slice begins after 35
    assert now[0] == pytest.approx(0.35)
    assert list(paced(tables, None)) == tables
