from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.mapping import read_map
from morpheus_gae.inspect.look import MOST_LABELS, OTHERS, look
from morpheus_gae.inspect.report import BadKind
from morpheus_gae.inspect.text import WIDTH, text
from tests.flows.exporters.presets.test_presets import IDS, SAMPLES, written

START = 1_700_000_000_000


def flow(i: int, **other: Any) -> dict[str, Any]:
    return {
        c.FLOW_START: START + i, c.IPV4_SRC: "10.0.0.1", c.IPV4_DST: f"10.0.1.{i % 200}", c.SRC_PORT: 1,
        c.DST_PORT: 2, c.PROTOCOL: 6, c.IN_BYTES: i, c.OUT_BYTES: 5, c.DURATION: 7, **other,
    }  # fmt: skip


def put(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_exporter(tmp_path: Path, sample: Any) -> None:
    path = written(tmp_path, sample)
    report = look(path, preset=sample.preset)
    assert report.refused == ""
    assert report.preset == sample.preset
    assert report.preset_told_by == "--preset"
    assert report.records - sum(report.skipped.values()) == len(sample.want)
    assert report.one_way == sample.one_way
    assert len(report.examples) == min(3, report.flows)
    assert all(example.before for example in report.examples)
    assert set(report.columns) >= {c.IN_BYTES, c.OUT_BYTES, c.DURATION}
    assert json.loads(json.dumps(report.as_dict()))["flows"] == report.flows
    assert max(map(len, text(report).splitlines())) <= WIDTH


def test_counts(tmp_path: Path) -> None:
    rows = [flow(i, Label=int(i > 7), Attack="DoS" if i > 7 else "Benign") for i in range(10)]
    rows[2][c.DURATION] = None
    rows[3][c.DURATION] = -1
    rows[4][c.IPV4_SRC] = "nowhere"
    rows[5][c.IN_BYTES] = -5
    rows[6][c.IPV4_SRC] = "nothing"
    report = look(put(tmp_path / "flows.ndjson", rows))
    assert (report.preset, report.preset_told_by, report.complete) == ("canonical", "", True)
    assert (report.records, report.flows, report.hosts) == (10, 7, 8)
    assert report.bad == {
        "unparsable_address": BadKind(2, 4, "IPV4_SRC_ADDR='nowhere', IPV4_DST_ADDR='10.0.1.4'"),
        "negative_counter": BadKind(1, 5, "IN_BYTES=-5, OUT_BYTES=5, FLOW_DURATION_MILLISECONDS=7"),
    }
    assert report.durations_missing == pytest.approx(2 / 7)
    assert report.columns[c.DURATION].absent == pytest.approx(2 / 7)
    assert report.columns[c.IN_BYTES].absent == 0
    assert report.columns[c.IN_BYTES].made_of == "as it is"
    assert report.columns[c.FLOW_START].unit == "ms"
    assert report.noted == {"negative_duration": 1}
    assert report.labels == {"Label": {"0": 5, "1": 2}, "Attack": {"Benign": 5, "DoS": 2}}
    assert (report.first, report.last) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.009Z")
    assert [example.row for example in report.examples] == [0, 1, 2]
    assert report.examples[1].after[c.IN_BYTES] == 1
    shown = text(report)
    assert "28.6% missing; 1 negative ones count as missing" in shown
    assert "first: record 4: IPV4_SRC_ADDR='nowhere'" in shown


def test_partners(tmp_path: Path) -> None:
    there = {
        "ip_src": "10.0.0.1", "ip_dst": "10.0.0.2", "port_src": 4000, "port_dst": 80, "ip_proto": "tcp",
        "bytes": 10, "packets": 1, "timestamp_start": "1700000000.0", "timestamp_end": "1700000001.0",
    }  # fmt: skip
    back = {
        **there, "ip_src": "10.0.0.2", "ip_dst": "10.0.0.1", "port_src": 80, "port_dst": 4000, "bytes": 90,
    }  # fmt: skip
    alone = {**there, "ip_dst": "10.0.0.3"}
    report = look(put(tmp_path / "flows.ndjson", [there, back, alone]))
    assert (report.records, report.flows, report.paired, report.unpaired) == (3, 2, 1, 1)
    assert report.columns[c.OUT_BYTES].made_of == "IN_BYTES of the partner record; else 0"
    assert report.columns[c.DURATION].made_of == "timestamp_end - timestamp_start, s to ms"
    assert report.columns[c.DURATION].sources == ["timestamp_end", "timestamp_start"]
    assert "one a record; 66.7% of 3 one-way records found a partner" in text(report)


def test_the_first_records(tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    pq.write_table(pa.Table.from_pylist([flow(i) for i in range(40_000)]), path)
    report = look(str(path), rows=100)
    assert not report.complete
    assert report.records < 40_000
    assert f"the first {report.records:,}" in text(report)
    assert look(str(path)).records == 40_000


def test_many_labels(tmp_path: Path) -> None:
    rows = [flow(i, Attack=f"class {i}") for i in range(MOST_LABELS + 5)]
    labels = look(put(tmp_path / "flows.ndjson", rows)).labels["Attack"]
    assert labels[OTHERS] == 5
    assert sum(labels.values()) == len(rows)


def test_a_map(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("a,b,sent,got,took\n10.0.0.1,10.0.0.2,2,9.5,1.5\n", encoding="utf-8")
    options = ("IPV4_SRC_ADDR=a", "IPV4_DST_ADDR=b", "IN_BYTES=sent:KiB", "OUT_BYTES=got:kB")
    report = look(str(path), preset=read_map((*options, "FLOW_DURATION_MILLISECONDS=took:s")))
    assert report.preset == "map"
    assert report.columns[c.IN_BYTES].made_of == "sent, KiB to B"
    assert report.columns[c.DURATION].made_of == "took, s to ms"
    assert report.examples[0].after[c.OUT_BYTES] == 9500


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet", ".arrow"])
def test_what_is_refused_is_shown_all_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"odd{suffix}"
    rows = pa.table({"when": ["today", "later"], "size": [5, 6], "what": ["x", "\x1b[31my"]})
    if suffix == ".parquet":
        pq.write_table(rows, path)
    elif suffix == ".arrow":
        with pa.ipc.new_file(path, rows.schema) as file:
            file.write_table(rows)
    elif suffix == ".csv":
        path.write_text("when,size,what\ntoday,5,x\nlater,6,\x1b[31my\n", encoding="utf-8")
    else:
        put(path, rows.to_pylist())
    report = look(str(path))
    assert "required columns are missing" in report.refused
    assert report.unreadable
    assert list(report.source_columns) == ["when", "size", "what"]
    assert report.source_columns["size"] == "int64"
    assert [example.before["size"] for example in report.examples] == [5, 6]
    shown = text(report)
    assert "--map IPV4_SRC_ADDR=" in shown
    assert "\x1b" not in shown
    assert r"what=\x1b[31my" in shown


def test_what_has_no_columns_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and no more")
    report = look(str(path))
    assert report.unreadable
    assert report.bad["truncated_file"].count == 1
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    report = look(str(empty))
    assert (report.records, report.flows, report.unreadable) == (0, 0, False)
    assert text(report)


def test_an_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown preset"):
        look(put(tmp_path / "flows.ndjson", [flow(1)]), preset="nobody")


def test_columns_with_a_dictionary_may_hold_blanks(tmp_path: Path) -> None:
    rows = {
        "IPV4_SRC_ADDR": ["10.0.0.1", "10.0.0.2"],
        "IPV4_DST_ADDR": ["10.0.0.3", "10.0.0.3"],
        **{name: [1, 2] for name in ("IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS")},
        "IPV6_SRC_ADDR": ["", None],
    }
    table = pa.table(rows)
    for name in ("IPV4_SRC_ADDR", "IPV4_DST_ADDR", "IPV6_SRC_ADDR"):
        table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
    path = tmp_path / "flows.arrow"
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)
    report = look(str(path))
    assert (report.records, report.flows) == (2, 2)
