"""Exporters' records, in their own form, become the same flows; what they came with stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.layout import apply, choose, paths
from morpheus_gae.flows.exporters.presets.names import NAMES, PRESETS
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.datasets import SAMPLES as DATASETS
from tests.flows.rows import record, table
from tests.flows.samples import (
    ANSWERED,
    BINETFLOW,
    EVE,
    GOFLOW2,
    IPFIX,
    NPROBE,
    ZEEK,
    A,
    B,
    Sample,
    lines,
)
from tests.flows.samples import (
    SAMPLES as EXPORTERS,
)

SAMPLES = [*EXPORTERS, *DATASETS]
WANTED = (
    c.FLOW_START, c.IPV4_SRC, c.IPV4_DST, c.SRC_PORT, c.DST_PORT, c.PROTOCOL, c.IN_BYTES, c.OUT_BYTES,
    c.IN_PKTS, c.OUT_PKTS, c.DURATION,
)  # fmt: skip
IDS = [f"{sample.preset} {sample.name}".strip() for sample in SAMPLES]


def written(folder: Path, sample: Sample, text: str | None = None) -> str:
    path = folder / f"flows{sample.suffix}"
    path.write_text(sample.text if text is None else text, encoding="utf-8")
    return str(path)


def cells(batches: list[FlowBatch]) -> list[tuple[Any, ...]]:
    rows = [row for batch in batches for row in batch.flows.table.to_pylist()]
    return [tuple(row.get(name) for name in WANTED) for row in rows]


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
@pytest.mark.parametrize("block", [8 << 20, 700])
def test_records_are_the_flows_they_tell(tmp_path: Path, sample: Sample, block: int) -> None:
    batches = list(read_flows(written(tmp_path, sample), block_bytes=block))
    assert [bad for batch in batches for bad in batch.bad] == []
    assert cells(batches) == sample.want
    assert {batch.preset for batch in batches} == {sample.preset}
    assert {batch.flows.one_way for batch in batches} == {sample.one_way}
    assert sum(batch.skipped.total() for batch in batches) == sample.skipped
    # told by name it is the same
    assert cells(list(read_flows(written(tmp_path, sample), preset=sample.preset))) == sample.want


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_the_original_columns_stay_as_they_came(tmp_path: Path, sample: Sample) -> None:
    rows = [row for batch in read_flows(written(tmp_path, sample)) for row in batch.flows.table.to_pylist()]
    if sample.suffix != ".json" or sample.preset == "azure":
        assert all(len(row) > len(c.CANONICAL) for row in rows)
        return
    given = [json.loads(line) for line in sample.text.splitlines()]
    for row in rows:
        own = {k: v for k, v in row.items() if v is not None}
        assert any(all(covers(own.get(k), v) for k, v in record.items()) for record in given)


def covers(found: Any, given: Any) -> bool:
    """Equal, but for fields that only other records have."""
    if isinstance(given, dict):
        return isinstance(found, dict) and all(covers(found.get(k), v) for k, v in given.items())
    return bool(found == given)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_reading_the_result_again_changes_nothing(tmp_path: Path, sample: Sample) -> None:
    first = next(b for b in read_flows(written(tmp_path, sample)) if len(b.flows))
    again = table_to_flows(first.flows.table)
    assert again.preset is None
    assert again.flows.table is first.flows.table
    layout = choose(paths(first.flows.table.schema), sample.preset)
    assert layout is not None
    if sample.preset != "azure":
        assert apply(first.flows.table, layout).table.equals(first.flows.table)
    path = tmp_path / "again.parquet"
    pq.write_table(first.flows.table, path)
    assert cells(list(read_flows(str(path)))) == cells([first])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=30), st.sampled_from(NAMES))
def test_canonical_columns_are_never_touched(sizes: list[int], name: str) -> None:
    given_ = pa.Table.from_pylist([record(i, IN_BYTES=size) for i, size in enumerate(sizes)])
    if name != "azure":
        assert table_to_flows(given_, preset=name).flows.table.equals(given_)


def test_an_unknown_layout_is_refused_with_what_was_found_and_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("when,who,whom\n1,2,3\n")
    with pytest.raises(
        InputError, match=r"missing: .*Found: when, who, whom.*--preset names: nprobe, goflow2"
    ):
        list(read_flows(str(path)))
    with pytest.raises(
        InputError, match=r"IPV4_SRC_ADDR or IPV6_SRC_ADDR \(from id.orig_h\).*as those of zeek"
    ):
        list(read_flows(str(path), preset="zeek"))
    with pytest.raises(UsageError, match="unknown preset 'netflow': choose auto, canonical, nprobe"):
        list(read_flows(str(path), preset="netflow"))


def test_an_exporter_without_the_forward_bytes_is_refused(tmp_path: Path) -> None:
    text = lines({k: v for k, v in NPROBE.items() if k != "IN_BYTES"})
    with pytest.raises(InputError, match=r"missing: IN_BYTES \(from IN_BYTES or .*as those of nprobe"):
        list(read_flows(written(tmp_path, SAMPLES[0], text)))


def test_canonical_columns_win_and_only_the_start_is_added() -> None:
    rows = [
        record(1, FIRST_SWITCHED=1_700_000_000, bytes=7, src_addr="x", dst_addr="y", time_flow_start_ns=0)
    ]
    del rows[0]["FLOW_START_MILLISECONDS"]
    batch = table_to_flows(pa.Table.from_pylist(rows))
    assert batch.preset == "nprobe"
    assert not batch.flows.one_way
    told = batch.flows.table.drop_columns([c.FLOW_START])
    assert told.to_pylist() == rows
    assert batch.flows.time_ms is not None
    assert batch.flows.time_ms.tolist() == [1_700_000_000_000]
    assert table_to_flows(table(3), preset="canonical").preset is None
    with pytest.raises(InputError, match="required columns are missing"):
        table_to_flows(pa.Table.from_pylist([ZEEK]), preset="canonical")


def test_bad_values_are_bad_records_with_the_reasons_there_are(tmp_path: Path) -> None:
    bad = [
        ({"id.orig_h": "00:11:22:33:44:55"}, "unparsable_address"),
        ({"orig_ip_bytes": "many", "orig_bytes": None}, "not_a_number"),
        ({"orig_ip_bytes": -1}, "negative_counter"),
        ({"resp_ip_bytes": None, "resp_bytes": None}, "missing_counter"),
        ({"orig_ip_bytes": 2**64}, "counter_too_large"),
        ({"duration": "soon"}, "not_a_number"),
    ]
    rows = [ZEEK, *({**ZEEK, **change} for change, _ in bad), ZEEK]
    for text, suffix in (
        (lines(*rows), ".json"),
        (
            "\n".join(
                ["\t".join(ZEEK), *("\t".join("" if v is None else str(v) for v in r.values()) for r in rows)]
            ),
            ".tsv",
        ),
    ):
        path = tmp_path / f"conn{suffix}"
        path.write_text(text)
        for block in (8 << 20, 300):
            batches = list(read_flows(str(path), block_bytes=block))
            told = [(b.row, b.reason.value) for batch in batches for b in batch.bad]
            assert told == [(i, reason) for i, (_, reason) in enumerate(bad, 1)]
            assert [row for batch in batches for row in batch.flows.rows.tolist()] == [0, len(bad) + 1]
            first = next(b for batch in batches for b in batch.bad)
            assert first.record == (text.splitlines()[1 + (suffix == ".tsv")])


def test_rows_count_what_was_left_out(tmp_path: Path) -> None:
    other = {"event_type": "alert", "timestamp": "2023-11-14T22:13:20Z", "alert": {"event_type": "flow"}}
    nameless = {**EVE, "src_ip": "nobody"}
    rows = [other, EVE, other, nameless, other, EVE, "garbage", EVE]
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)
    for block in (8 << 20, 600):
        path = written(tmp_path, SAMPLES[0], text)
        batches = list(read_flows(path, block_bytes=block))
        assert [row for b in batches for row in b.flows.rows.tolist()] == [1, 5, 7]
        bad = [(b.row, b.reason.value, b.record) for batch in batches for b in batch.bad]
        assert bad == [(3, "unparsable_address", json.dumps(nameless)), (6, "broken_json", "garbage")]
        assert sum(b.skipped["not_a_flow"] for b in batches) == 3
        # what only other events have is no column of a flow
        assert not any("alert" in b.flows.table.column_names for b in batches if len(b.flows))


def test_a_stream_of_other_events_alone_is_no_error(tmp_path: Path) -> None:
    text = lines({"event_type": "stats", "timestamp": "2023-11-14T22:13:20Z", "stats": {"uptime": 1}})
    (batch,) = read_flows(written(tmp_path, SAMPLES[0], text))
    assert (len(batch.flows), batch.bad, dict(batch.skipped)) == (0, [], {"not_a_flow": 1})


def test_flows_may_come_after_many_other_logs(tmp_path: Path) -> None:
    others = [{"dns": {"ts": float(i), "uid": f"C{i}", "id.orig_h": A}} for i in range(1500)]
    path = written(tmp_path, SAMPLES[0], lines(*others, {"conn": ZEEK}))
    batches = list(read_flows(path, block_bytes=20_000))
    assert [row for b in batches for row in b.flows.rows.tolist()] == [1500]
    assert sum(b.skipped["not_a_flow"] for b in batches) == 1500


def test_records_that_are_left_out_of_a_table_too(tmp_path: Path) -> None:
    path = tmp_path / "eve.parquet"
    pq.write_table(pa.Table.from_pylist([EVE, {**EVE, "event_type": "alert"}, EVE]), path)
    (batch,) = read_flows(str(path))
    assert batch.flows.rows.tolist() == [0, 2]
    assert dict(batch.skipped) == {"not_a_flow": 1}
    bad = table_to_flows(pa.Table.from_pylist([{**EVE, "event_type": "dns"}, {**EVE, "dest_ip": None}])).bad
    assert [(b.row, b.reason.value) for b in bad] == [(1, "unparsable_address")]


def test_swapping_takes_every_column_that_has_a_side() -> None:
    six = {
        "sourceIPv6Address": "2001:db8::b", "destinationIPv6Address": "2001:db8::a",
        "sourceIPv4Address": None, "destinationIPv4Address": None, "reversePacketDeltaCount": None,
    }  # fmt: skip
    rows = [{**ANSWERED, **six}, {**IPFIX, "biflowDirection": 1}]
    first, second = table_to_flows(pa.Table.from_pylist(rows)).flows.table.to_pylist()
    assert (first[c.IPV6_SRC], first[c.IPV6_DST]) == ("2001:db8::a", "2001:db8::b")
    assert (first[c.IN_PKTS], first[c.OUT_PKTS], first[c.SRC_PORT]) == (None, 3, 40000)
    assert (second[c.IPV4_SRC], second[c.IN_BYTES], second[c.OUT_BYTES]) == (A, 100, 900)


def test_sampled_counters_are_multiplied_and_the_bad_ones_stay_bad() -> None:
    rows = [
        {**GOFLOW2, "bytes": size, "sampling_rate": rate}
        for size, rate in [("5", 3), ("x", 3), ("7", None), (None, 2), (str(2**62), 1000)]
    ]
    batch = table_to_flows(pa.Table.from_pylist(rows))
    assert batch.flows.table[c.IN_BYTES].to_pylist() == [15, 7]
    assert [b.reason.value for b in batch.bad] == ["not_a_number", "missing_counter", "counter_too_large"]
    whole = pa.Table.from_pylist([{**GOFLOW2, "bytes": size} for size in (1, 2**60)])
    assert table_to_flows(whole).flows.table[c.IN_BYTES].to_pylist() == [10, 2**60 * 10.0]


def test_a_header_of_zeek_may_come_in_pieces_and_comments_are_no_records(tmp_path: Path) -> None:
    sample = next(s for s in SAMPLES if s.name == "tsv")
    text = sample.text + sample.text.partition("#fields")[2].partition("\n")[2]
    for block in (8 << 20, 20, 200):
        batches = list(read_flows(written(tmp_path, sample, text), block_bytes=block))
        assert cells(batches) == [*sample.want, *sample.want]
        assert [row for b in batches for row in b.flows.rows.tolist()] == [0, 1, 2, 3]
        assert [bad for b in batches for bad in b.bad] == []


def test_flow_logs_without_a_header_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    sample = next(s for s in SAMPLES if s.preset == "aws-vpc")
    path = written(tmp_path, sample, sample.text.partition("\n")[2])
    assert cells(list(read_flows(path, preset="aws-vpc"))) == sample.want


def test_argus_with_tabs(tmp_path: Path) -> None:
    sample = next(s for s in SAMPLES if s.preset == "argus")
    path = written(tmp_path, sample, BINETFLOW.replace(",", "\t"))
    assert cells(list(read_flows(path))) == sample.want


def test_every_preset_has_a_sample_and_names_what_it_reads() -> None:
    assert {sample.preset for sample in SAMPLES} == PRESETS.keys()
    for preset in PRESETS.values():
        assert preset.fields.keys() <= set(c.CANONICAL)
        assert {c.IPV4_SRC, c.IPV4_DST, c.IN_BYTES} <= preset.fields.keys()


def test_every_preset_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[4] / "docs" / "exporters.md").read_text(encoding="utf-8")
    for preset in PRESETS.values():
        assert f"`{preset.name}`" in text


def test_nprobe_that_tells_one_direction_is_one_way() -> None:
    rows = [{k: v for k, v in NPROBE.items() if not k.startswith("OUT")}]
    batch = table_to_flows(pa.Table.from_pylist(rows))
    assert batch.flows.one_way
    assert batch.flows.table[c.OUT_BYTES].to_pylist() == [0]


def test_times_that_are_timestamps_in_the_table() -> None:
    rows = pa.Table.from_pylist([{"srcaddr": A, "dstaddr": B, "bytes": 5, "start": 1, "end": 3}])
    for unit in ("s", "ms", "us", "ns"):
        kind = pa.timestamp(unit, "UTC")
        start, end = (
            rows[n].cast(pa.timestamp("s")).cast(kind.unit and pa.timestamp(unit)) for n in ("start", "end")
        )
        timed = rows.set_column(3, "start", start).set_column(4, "end", end)
        told = table_to_flows(timed).flows.table
        assert (told[c.FLOW_START].to_pylist(), told[c.DURATION].to_pylist()) == ([1000], [2000])
