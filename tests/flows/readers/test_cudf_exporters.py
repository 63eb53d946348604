"""Exporters' columns on the device: the same flows, and the same records set aside, as on the host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.layout import choose, paths
from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.datasets import SAMPLES as DATASETS
from tests.flows.samples import SAMPLES as EXPORTERS
from tests.flows.samples import Sample

pytest.importorskip("torch")
pytest.importorskip("pandas")

from morpheus_gae.flows.readers.cudf_columns import frame_to_flows, parquet_on_device
from tests.fake_cudf import fake_cudf, from_arrow

SAMPLES = {f"{sample.preset} {sample.name}".strip(): sample for sample in (*EXPORTERS, *DATASETS)}
BY_THE_HOST = {
    # records inside records
    *(
        "zeek kafka plugin",
        "suricata",
        "suricata-netflow",
        "ecs",
        "logstash",
        "asa",
        "azure",
        "azure vnet",
        "gcp",
    ),
    # network.bytes as text in one, as a number in the other
    "ecs network.bytes",
}
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.01", "2001:db8::1", " 10.0.0.3 ", "nowhere", "", None)
COUNTS = (0, 7, 1500, 2**40, -1, None)
REALS = (0.0, 2.25, 0.1, 1e-7, 1500.0, -1.0, None, float("nan"), float("inf"), 1e39)
SECONDS = (1_700_000_000, 1_700_000_003, 0, -5, None)
STAMPS = (1_700_000_000.5, 1_700_000_002.75, 0.0, 1e19, None, float("nan"))
TEXT_TIMES = ("2023-11-14 22:13:20.500000", "2023-11-14T22:13:22Z", "1700000000.5", "never", None)
WORDS = ("tcp", "UDP", "icmp6", "17", "x", "", None)
PORTS = (80, 443, 0, 70_000, -1, None)
TEXT_PORTS = ("80", "0x0008", "443.0", "http", None)
NUMBER, REAL, TEXT = pa.int64(), pa.float64(), pa.string()

#: Columns of exporters, with their type and values that are right, odd and wrong.
FORMS: dict[str, list[tuple[str, Any, tuple[Any, ...]]]] = {
    "zeek": [
        ("id.orig_h", TEXT, ADDRESSES), ("id.resp_h", TEXT, ADDRESSES), ("id.orig_p", NUMBER, PORTS),
        ("id.resp_p", NUMBER, PORTS), ("proto", TEXT, WORDS), ("orig_ip_bytes", NUMBER, COUNTS),
        ("orig_bytes", NUMBER, COUNTS), ("resp_ip_bytes", NUMBER, COUNTS), ("orig_pkts", NUMBER, COUNTS),
        ("ts", REAL, STAMPS), ("duration", REAL, REALS), ("_path", TEXT, ("conn", " conn ", "dns", None)),
    ],
    "goflow2": [
        ("src_addr", TEXT, ADDRESSES), ("dst_addr", TEXT, ADDRESSES), ("src_port", pa.uint32(), PORTS[:4]),
        ("proto", TEXT, WORDS), ("bytes", NUMBER, COUNTS), ("packets", NUMBER, COUNTS),
        ("sampling_rate", NUMBER, (0, 1, 10, None)),
        ("time_flow_start_ns", NUMBER, (1_700_000_000_500_000_000, 0, None)),
        ("time_flow_end_ns", NUMBER, (1_700_000_002_750_000_000, 1_600_000_000_000_000_000, 0, None)),
        ("time_received_ns", NUMBER, (1_700_000_009_000_000_000, None)),
    ],
    "ipfix": [
        ("sourceIPv4Address", TEXT, ADDRESSES), ("destinationIPv4Address", TEXT, ADDRESSES),
        ("sourceIPv6Address", TEXT, ADDRESSES), ("sourceTransportPort", pa.uint16(), PORTS[:3]),
        ("destinationTransportPort", pa.uint16(), PORTS[:3]), ("octetDeltaCount", NUMBER, COUNTS),
        ("packetDeltaCount", NUMBER, COUNTS), ("reverseOctetDeltaCount", NUMBER, COUNTS),
        ("reversePacketDeltaCount", NUMBER, COUNTS), ("flowStartMilliseconds", NUMBER, SECONDS),
        ("flowEndSeconds", NUMBER, SECONDS), ("samplingPacketInterval", NUMBER, (1, 2, 0, None)),
        ("samplingPacketSpace", NUMBER, (1, 3, 0, None)), ("biflowDirection", NUMBER, (1, 2, None)),
        ("destinationIPv6Address", TEXT, ADDRESSES),
    ],
    "argus": [
        ("SrcAddr", TEXT, ADDRESSES), ("DstAddr", TEXT, ADDRESSES), ("Sport", TEXT, TEXT_PORTS),
        ("Dport", TEXT, TEXT_PORTS), ("Proto", TEXT, (*WORDS, "man")), ("SrcBytes", NUMBER, COUNTS),
        ("TotBytes", NUMBER, COUNTS), ("TotPkts", NUMBER, COUNTS), ("SrcPkts", NUMBER, COUNTS),
        ("StartTime", TEXT, TEXT_TIMES), ("Dur", REAL, REALS), ("Dir", TEXT, ("->", "  <-", "<?>", None)),
    ],
    "cicflowmeter": [
        ("src_ip", TEXT, ADDRESSES), ("dst_ip", TEXT, ADDRESSES), ("src_port", REAL, REALS),
        ("protocol", NUMBER, (6, 17, None)), ("flow_duration", REAL, (*REALS, 2_250_000.0)),
        ("totlen_fwd_pkts", REAL, REALS), ("totlen_bwd_pkts", REAL, REALS),
        ("tot_fwd_pkts", REAL, REALS), ("tot_bwd_pkts", NUMBER, COUNTS), ("flow_pkts_s", REAL, (*REALS, 2.2)),
        ("timestamp", TEXT, TEXT_TIMES), ("label", TEXT, ("BENIGN", "DoS Hulk", "", None)),
    ],
    "ton-iot": [
        ("src_ip", TEXT, ADDRESSES), ("dst_ip", pa.uint32(), (167_772_161, 0, None)),
        ("src_ip_bytes", NUMBER, COUNTS), ("dst_ip_bytes", NUMBER, COUNTS), ("src_bytes", NUMBER, COUNTS),
        ("dst_bytes", NUMBER, COUNTS), ("ts", pa.timestamp("us"), (1_700_000_000_500_000, None)),
        ("duration", REAL, REALS), ("label", NUMBER, (0, 1, None)), ("conn_state", TEXT, ("SF", None)),
        ("type", TEXT, ("ddos", "normal", " scanning ", None)),
    ],
    "nprobe": [
        ("IPV4_SRC_ADDR", TEXT, ADDRESSES), ("IPV4_DST_ADDR", TEXT, ADDRESSES), ("IN_BYTES", NUMBER, COUNTS),
        ("OUT_BYTES", REAL, REALS), ("FLOW_DURATION_MILLISECONDS", REAL, REALS),
        ("FIRST_SWITCHED", NUMBER, SECONDS), ("LAST_SWITCHED", NUMBER, SECONDS), ("Label", NUMBER, (0, 1)),
    ],
}  # fmt: skip


@pytest.fixture
def cudf() -> Iterator[Any]:
    with fake_cudf() as package:
        yield package


def table_of(sample: Sample, folder: Path) -> pa.Table:
    """The exporter's own columns of a sample, as a file of them would hold them."""
    path = folder / f"flows{sample.suffix}"
    path.write_text(sample.text, encoding="utf-8")
    given_ = next(b.flows.table for b in read_flows(str(path)) if len(b.flows))
    if sample.suffix == ".json" and sample.preset != "azure":
        own = {name for line in sample.text.splitlines() for name in json.loads(line)}
    else:
        own = set(given_.column_names) - set(c.CANONICAL)
        own |= {name for names in PRESETS[sample.preset].fields.values() for name in names}
    table = given_.select([name for name in given_.column_names if name in own])
    # what a Parquet file can hold
    pq.write_table(table, folder / "flows.parquet")
    return pq.read_table(folder / "flows.parquet").replace_schema_metadata(None)


def same(found: Any, wanted: FlowBatch) -> None:
    parts = [part.numpy() for part in found.flows.columns]
    flows = wanted.flows
    for part, name in zip(parts, ("src_hi", "src_lo", "dst_hi", "dst_lo"), strict=False):
        np.testing.assert_array_equal(part.view(np.uint64), getattr(flows, name))
    np.testing.assert_array_equal(parts[4], flows.attributes)
    np.testing.assert_array_equal(parts[5], flows.duration_missing)
    told = found.flows.frame.to_arrow(preserve_index=False).replace_schema_metadata(None)
    assert told.column_names == flows.table.column_names
    for name in told.column_names:
        one, other = told[name], flows.table[name]
        assert repr(one.to_pylist()) == repr(other.to_pylist()), name
        assert one.type == other.type or pa.types.is_null(other.type), name
    assert found.flows.frame.index.tolist() == [row - 5 for row in flows.rows]
    assert (found.bad, found.skipped, found.noted) == (wanted.bad, wanted.skipped, wanted.noted)
    assert found.preset == wanted.preset


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_as_on_the_host(name: str, tmp_path: Path, cudf: Any) -> None:
    table = table_of(SAMPLES[name], tmp_path)
    layout = choose(paths(table.schema), SAMPLES[name].preset)
    assert layout is not None
    found = frame_to_flows(from_arrow(table), cudf, "f", 5, preset=layout)
    same(found, table_to_flows(table, "f", 5, preset=layout))
    assert (found.by_host == len(table)) == (name in BY_THE_HOST)


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_dirty_rows_are_as_on_the_host(name: str, data: st.DataObject) -> None:
    form = FORMS[name]
    usual = tuple(values[0] for _, _, values in form)
    row = st.one_of(st.just(usual), st.tuples(*(st.sampled_from(values) for _, _, values in form)))
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    here = data.draw(st.sets(st.sampled_from([column for column, _, _ in form])))
    required = [i for i, (column, _, _) in enumerate(form) if i < 2 or column not in here]
    table = pa.table(
        {form[i][0]: pa.array([r[i] for r in rows], form[i][1]) for i in range(len(form)) if i in required}
    )
    table = table.append_column("note", pa.array([f"n{i}" for i in range(len(rows))]))
    layout = choose(table.column_names, name)
    with fake_cudf() as package:
        try:
            wanted = table_to_flows(table, "f", 5, preset=layout)
        except Exception as error:
            with pytest.raises(type(error)):
                frame_to_flows(from_arrow(table), package, "f", 5, preset=layout)
            return
        same(frame_to_flows(from_arrow(table), package, "f", 5, preset=layout), wanted)


@pytest.mark.parametrize("name", FORMS)
def test_usual_rows_stay_on_the_device(name: str, cudf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    form = FORMS[name]
    table = pa.table({column: pa.array([values[0]] * 4, kind) for column, kind, values in form})
    frame = from_arrow(table)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("copied")

    monkeypatch.setattr(type(frame), "to_arrow", refuse)
    found = frame_to_flows(frame, cudf, "f", preset=choose(table.column_names, name))
    assert (len(found.flows), found.by_host) == (4, 0)


def test_row_groups_of_an_exporter(tmp_path: Path, cudf: Any) -> None:
    form = FORMS["zeek"]
    table = pa.table({column: pa.array([values[0]] * 10, kind) for column, kind, values in form})
    path = tmp_path / "conn.parquet"
    pq.write_table(table, path, row_group_size=3)
    found = list(parquet_on_device(str(path), cudf, 4, None, print))
    assert [(len(batch.flows), batch.preset, batch.by_host) for batch in found] == [
        (6, "zeek", 0),
        (4, "zeek", 0),
    ]
    assert found[0].flows.frame[c.DURATION].tolist() == [0.0] * 6
    assert sum(batch.bytes_read for batch in found) == path.stat().st_size


def test_where_cudf_gives_up_the_host_reads_and_says_so(tmp_path: Path, cudf: Any) -> None:
    form = FORMS["zeek"]
    table = pa.table({column: pa.array([values[0]] * 10, kind) for column, kind, values in form})
    path, told = tmp_path / "conn.parquet", []
    pq.write_table(table, path, row_group_size=3)
    stock, calls = cudf.read_parquet, []

    def once(*given_: Any, **more: Any) -> Any:
        calls.append(more["row_groups"])
        if len(calls) > 1:
            raise RuntimeError("CUDF failure:\nunsupported encoding")
        return stock(*given_, **more)

    cudf.read_parquet = once
    found = list(parquet_on_device(str(path), cudf, 4, None, told.append))
    assert [(len(batch.flows), batch.by_host) for batch in found] == [(6, 0), (4, 4)]
    why = "RuntimeError: CUDF failure: unsupported encoding"
    assert told == [f"cuDF cannot decode {path}: the host reads the rest of it ({why})"]
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    calls.clear()
    cudf.read_parquet = lambda *_, **__: calls.index(0)
    (only,) = parquet_on_device(str(path), cudf, 4, None, told.append)
    assert [(bad.reason.value, bad.row) for bad in only.bad] == [("truncated_file", 0)]
