"""Maps: layouts of any kind read by --map and --columns, in every format, as the canonical file is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.mapping import MAP, ColumnMap, note, noted, read_map
from morpheus_gae.flows.exporters.values.units import FLOW_END, UNITS
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.pairing.pair import Pairer
from morpheus_gae.flows.payloads.decode import PayloadDecoder
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.made_files import encoded, read_bytes, record
from tests.flows.samples import PMACCT, A, B, lines

FORMATS = {"csv": "f.csv", "tsv": "f.tsv", "ndjson": "f.jsonl", "json": "f.json", "parquet": "f.parquet"}
FORMATS |= {"arrow": "f.arrow"}

NAMES = {name: f"their {name.lower()}" for name in record(0)}
"""Every canonical name in words of one's own."""


def renamed(row: dict[str, Any], names: dict[str, str] = NAMES) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in row.items()}


def options(names: dict[str, str] = NAMES) -> list[str]:
    return [f"{ours}={theirs}" for ours, theirs in names.items()]


def same(one: Flows, two: Flows) -> None:
    for part in ("src_hi", "src_lo", "dst_hi", "dst_lo", "attributes", "duration_missing", "rows", "time_ms"):
        np.testing.assert_array_equal(getattr(one, part), getattr(two, part), err_msg=part)
    assert one.one_way == two.one_way
    for name in record(0):
        assert one.table[name].to_pylist() == two.table[name].to_pylist(), name


@pytest.mark.parametrize("kind", FORMATS)
def test_a_renamed_file_is_read_as_the_canonical_one(tmp_path: Path, kind: str) -> None:
    rows = [record(i) for i in range(300)]
    # what is missing stays missing, and what is bad bad
    rows[40] |= {c.OUT_BYTES: None}
    rows[41] |= {c.DURATION: None, c.FLOW_START: None, c.SRC_PORT: None}
    rows[42] |= {c.IN_BYTES: -1}
    want, lost = read_bytes(tmp_path, FORMATS[kind], encoded(rows, kind))
    assert [record_.row for record_ in lost] == [40, 42]
    with pytest.raises(InputError, match="required columns are missing"):
        read_bytes(tmp_path, FORMATS[kind], encoded([renamed(r) for r in rows], kind))
    data = encoded([renamed(r) for r in rows], kind)
    for limits in ({}, {"block_bytes": 3000, "batch_rows": 64}):
        found, bad = read_bytes(tmp_path, FORMATS[kind], data, preset=read_map(options()), **limits)
        assert [(b.row, b.reason) for b in bad] == [(b.row, b.reason) for b in lost]
        same(want, found)
        # their own columns stay
        assert found.table["their in_bytes"].to_pylist() == [100 + row for row in found.rows.tolist()]


WHOLE = {"s": 1000, "min": 60_000, "ms": 1, "us": 1e-3, "ns": 1e-6}
SIZES = {**UNITS[c.IN_BYTES]}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.integers(0, 2**40), st.integers(0, 10**7), st.integers(1, 4 * 10**9)
        ),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(sorted(UNITS[c.IN_BYTES])),
    st.sampled_from(sorted(UNITS[c.DURATION])),
    st.sampled_from(sorted(UNITS[c.FLOW_START])),
    st.booleans(),
)
def test_units_change_nothing(
    rows: list[tuple[int, int, int, int]], size: str, length: str, time: str, text: bool
) -> None:
    """A canonical table in other units under other names, as numbers or as text, gives the same flows."""
    factor, per, micros = SIZES[size], UNITS[c.DURATION][length], UNITS[c.FLOW_START][time]
    whole = {
        # so many of their units each
        c.IN_BYTES: [int(r[0] * factor) if factor >= 1 else r[0] for r in rows],
        c.OUT_BYTES: [r[1] for r in rows],
        c.DURATION: [float(r[2] * max(1, round(per))) for r in rows],
        c.FLOW_START: [r[3] * 1000 for r in rows],
    }
    ends = {c.IPV4_SRC: [A] * len(rows), c.IPV4_DST: [B] * len(rows)}
    theirs = {
        "sent": [r[0] if factor >= 1 else r[0] * 8 for r in rows],
        "got:B": [r[1] for r in rows],
        "took": [r[2] if per >= 1 else round(r[2] / per) for r in rows],
        "at": [int(r[3] * 1_000_000_000 // round(1000 * micros)) for r in rows],
    }
    if text:
        theirs = {name: [str(v) for v in values] for name, values in theirs.items()}
    told = read_map(
        [
            f"in_bytes=sent:{size}",
            "OUT_BYTES=got:B",
            f"FLOW_DURATION_MILLISECONDS=took:{length}",
            f"Flow_Start_Milliseconds=at:{time}",
            *(f"{name}={name}" for name in ends),
        ]
    )
    want = table_to_flows(pa.table({**ends, **whole})).flows
    found = table_to_flows(pa.table({**ends, **theirs}), preset=told)
    assert (found.preset, found.bad) == (MAP, [])
    np.testing.assert_array_equal(want.attributes, found.flows.attributes)
    np.testing.assert_array_equal(want.time_ms, found.flows.time_ms)


def table(**more: Any) -> pa.Table:
    return pa.table({"a": [A, B], "b": [B, A], "n": [10, 20], **more})


def mapped(told: list[str], given: pa.Table, base: str | None = None) -> list[dict[str, Any]]:
    rows = ["IPV4_SRC_ADDR=a", "IPV4_DST_ADDR=b", "IN_BYTES=n", *told]
    flows = table_to_flows(given, preset=read_map(rows, None, base)).flows
    return list(flows.table.to_pylist())


def test_an_end_makes_a_duration_and_a_start_may_be_canonical() -> None:
    given = table(**{c.FLOW_START: [1_700_000_000_000] * 2, "end": [1_700_000_001.5, None]})
    rows = mapped([f"{FLOW_END}=end:s"], given)
    assert [row[c.DURATION] for row in rows] == [1500, None]
    rows = mapped(
        ["FLOW_START_MILLISECONDS=s", f"{FLOW_END}=e"],
        table(s=["2023-11-14 22:13:20"] * 2, e=[1_700_000_001] * 2),
    )
    assert [(row[c.FLOW_START], row[c.DURATION]) for row in rows] == [(1_700_000_000_000, 1000)] * 2


def test_text_that_is_a_date_needs_no_unit_and_spoils_no_number() -> None:
    rows = mapped(["FLOW_START_MILLISECONDS=s:ms"], table(s=["2023-11-14 22:13:20", " 1700000000001 "]))
    assert [row[c.FLOW_START] for row in rows] == [1_700_000_000_000, 1_700_000_000_001]
    rows = mapped(["FLOW_START_MILLISECONDS=s:s"], table(s=["nothing", "0"]))
    assert [c.FLOW_START in row for row in rows] == [False, False]


def test_small_numbers_are_times_where_the_unit_is_told() -> None:
    """Without one their size would say seconds."""
    (row, _) = mapped(["FLOW_START_MILLISECONDS=s:us"], table(s=[90_000_000_000, 1]))
    assert row[c.FLOW_START] == 90_000_000
    ns = 1_700_000_000_123_000_000
    assert mapped(["FLOW_START_MILLISECONDS=s:ns"], table(s=[ns, ns]))[0][c.FLOW_START] == 1_700_000_000_123


def test_a_canonical_column_wins_unless_the_map_names_it() -> None:
    given = table(**{c.OUT_BYTES: [1, 2], "o": [7, 8]})
    assert [row[c.OUT_BYTES] for row in mapped([], given)] == [1, 2]
    assert [row[c.OUT_BYTES] for row in mapped(["OUT_BYTES=o"], given)] == [7, 8]
    # even by itself, in another unit; and two may change places
    assert [row[c.OUT_BYTES] for row in mapped(["OUT_BYTES=OUT_BYTES:KiB"], given)] == [1024, 2048]
    swapped = table_to_flows(
        pa.table({**{n: [v] for n, v in record(1).items()}}),
        preset=read_map(["IN_BYTES=OUT_BYTES", "OUT_BYTES=IN_BYTES"]),
    ).flows
    assert swapped.attributes[0, :2].tolist() == [7, 101]


def test_a_sampling_rate_multiplies_canonical_counters_too() -> None:
    row = {**record(1), "rate": 100}
    flows = table_to_flows(pa.Table.from_pylist([row]), preset=read_map(["sampling_rate=rate"])).flows
    assert flows.attributes[0, :2].tolist() == [10_100, 700]


def test_of_several_names_for_one_column_the_first_with_a_value_counts() -> None:
    given = table(o=pa.array([None, 5]), p=[1, 2])
    assert [row[c.OUT_BYTES] for row in mapped(["OUT_BYTES=o", "OUT_BYTES=p:KB"], given)] == [1000, 5]
    # and one of them is enough: files of two spellings in one folder
    assert [row[c.OUT_BYTES] for row in mapped(["OUT_BYTES=gone", "OUT_BYTES=p"], given)] == [1, 2]


def test_a_name_may_hold_equals_signs_and_colons() -> None:
    given = table(**{"x=y:z": [1, 2], "took:ms": [3, 4]})
    rows = mapped(["OUT_BYTES=x=y:z", "FLOW_DURATION_MILLISECONDS=took:ms"], given)
    # a column of the whole name is meant, though ms would be a unit
    assert [(row[c.OUT_BYTES], row[c.DURATION]) for row in rows] == [(1, 3), (2, 4)]


@pytest.mark.parametrize("told", [["OUT_BYTES=back.n"], ["OUT_BYTES=deep.er.n"]])
def test_paths_go_into_nested_columns(told: list[str]) -> None:
    given = table(back=[{"n": 5}] * 2, deep=[{"er": {"n": 5}}] * 2)
    assert [row[c.OUT_BYTES] for row in mapped(told, given)] == [5, 5]


def test_without_bytes_back_records_are_one_way(tmp_path: Path) -> None:
    told = read_map(["IPV4_SRC_ADDR=a", "IPV4_DST_ADDR=b", "IN_BYTES=n"])
    batch = table_to_flows(table(), preset=told)
    assert batch.flows.one_way
    assert batch.flows.attributes[:, 1].tolist() == [0, 0]
    assert batch.flows.duration_missing.all()
    line = note(batch.preset, told, batch.flows.one_way)
    assert line is not None
    assert "names no OUT_BYTES" in line
    said: list[str] = []
    assert list(noted([batch, batch], said.append)) == [batch, batch]
    assert said == [line]
    two = table_to_flows(
        table(o=[1, 2]),
        preset=read_map(
            [*options({"IPV4_SRC_ADDR": "a", "IPV4_DST_ADDR": "b"}), "IN_BYTES=n", "OUT_BYTES=o"]
        ),
    )
    assert not two.flows.one_way
    assert note(two.preset, None, one_way=False) is None


def test_labels_are_mapped(tmp_path: Path) -> None:
    rows = mapped(["label=truth", "ATTACK=kind"], table(truth=[0, 1], kind=["Benign", "scan"]))
    assert [(row[c.LABEL], row[c.ATTACK]) for row in rows] == [(0, "Benign"), (1, "scan")]


def test_a_map_over_a_preset_that_was_found_out_or_told(tmp_path: Path) -> None:
    row = {**PMACCT, "octets": 55}
    for base in (None, "auto", "pmacct"):
        told = read_map(["IN_BYTES=octets:KiB"], None, base)
        (batch,) = read_flows(str(written(tmp_path, lines(row))), preset=told)
        (found,) = batch.flows.table.to_pylist()
        assert (batch.preset, found[c.IN_BYTES], found[c.SRC_PORT]) == ("pmacct", 55 * 1024, 40000)
        assert batch.flows.one_way
        assert bool(note(batch.preset, told, one_way=True)) == (base != "pmacct")
    # canonical: nobody is looked for
    with pytest.raises(InputError, match="IPV4_SRC_ADDR or IPV6_SRC_ADDR"):
        list(
            read_flows(
                str(written(tmp_path, lines(row))), preset=read_map(["IN_BYTES=octets"], None, "canonical")
            )
        )


def test_names_inside_what_an_exporter_wraps_its_names_in(tmp_path: Path) -> None:
    row = {
        "@timestamp": "2023-11-14T22:13:20Z",
        "host": {"back": 9},
        "netflow": {
            "version": 9,
            "ipv4_src_addr": A,
            "ipv4_dst_addr": B,
            "in_bytes": 7,
            "first_switched": "2023-11-14T22:13:20.000Z",
            "more": 3,
        },
    }
    for theirs, want in (("netflow.more", 3), ("more", 3), ("host.back", 9)):
        told = read_map([f"OUT_BYTES={theirs}"])
        (batch,) = read_flows(str(written(tmp_path, lines(row))), preset=told)
        assert batch.preset == "logstash"
        assert batch.flows.attributes[0, :2].tolist() == [7, want]


def written(folder: Path, text: str, name: str = "f.json") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["IN_BYTES"], "write OUR=THEIRS or OUR=THEIRS:unit"),
        (["IN_BYTES="], "write OUR=THEIRS"),
        (["BYTES=x"], "'BYTES' is none of our columns: FLOW_START_MILLISECONDS, FLOW_END_MILLISECONDS"),
        (["=x"], "'' is none of our columns"),
    ],
)
def test_a_map_that_cannot_be_understood(given: list[str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        read_map(given)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_base_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown preset 'cisco'"):
        list(read_flows(str(written(tmp_path, "")), preset=read_map(options(), None, "cisco")))
    assert read_map((), None, "zeek") == "zeek"
    assert read_map() is None


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_that_is_not_there_is_one_line_that_lists_what_is(tmp_path: Path, kind: str) -> None:
    data = encoded([renamed(record(i)) for i in range(3)], kind)
    wrong = [*options()[:-1], "FLOW_DURATION_MILLISECONDS=took:s", "IN_PKTS=packets"]
    with pytest.raises(InputError) as error:
        read_bytes(tmp_path, FORMATS[kind], data, preset=read_map(wrong))
    text = str(error.value)
    assert "took (--map FLOW_DURATION_MILLISECONDS), packets (--map IN_PKTS). Found: their flow_start" in text
    assert "units of times s, ms, us, ns; of lengths ns, us, ms, s, min; of bytes B, kB" in text
    assert "SAMPLING_RATE" in text
    assert "\n" not in text


def test_an_unknown_unit_is_part_of_a_name() -> None:
    told = ["IPV4_SRC_ADDR=a", "IPV4_DST_ADDR=b", "IN_BYTES=n:furlong"]
    with pytest.raises(InputError, match=r"n:furlong \(--map IN_BYTES\)"):
        table_to_flows(table(), preset=read_map(told))


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_option_ends_in_anything_but_a_usage_error(option: str, columns: str) -> None:
    for given_ in ([option], [f"IN_BYTES={option}"]):
        try:
            told = read_map(given_, columns)
        except UsageError:
            continue
        assert isinstance(told, ColumnMap)
        with pytest.raises(InputError):
            table_to_flows(table(), preset=told)


def decoded(values: list[bytes], told: Any) -> tuple[list[list[float]], list[tuple[int, int]], list[Any]]:
    out = PayloadDecoder("topic", told).decode(values)
    at = list(zip(out.message.tolist(), out.row.tolist(), strict=True))
    return out.flows.attributes.tolist(), at, [(b.message, b.row, b.value) for b in out.bad]


def test_messages_of_a_topic() -> None:
    values = [json.dumps(renamed(record(i))).encode() for i in range(4)]
    flows, at, bad = decoded(values, read_map(options()))
    assert [row[0] for row in flows] == [100, 101, 102, 103]
    assert (at, bad) == ([(i, 0) for i in range(4)], [])
    sink = pa.BufferOutputStream()
    rows = pa.Table.from_pylist([renamed(record(i)) for i in range(3)])
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    flows, at, bad = decoded([sink.getvalue().to_pybytes()], read_map(options()))
    assert (len(flows), bad) == (3, [])


def test_one_way_records_with_other_types_in_their_counters() -> None:
    """What is joined is a number or nothing, whatever stands in canonical columns that no map names."""
    start = pa.array([None, 1_700_000_000_000_000], pa.timestamp("us"))
    given = table(**{c.IN_PKTS: ["3", "many"], c.FLOW_START: start, "p": [1, 2]})
    flows = table_to_flows(given, preset=read_map(["IPV4_SRC_ADDR=a", "IPV4_DST_ADDR=b", "IN_BYTES=n"])).flows
    pairer = Pairer()
    (joined,) = [part for part in [*pairer.push(flows), *pairer.flush()] if len(part)]
    (row,) = joined.table.to_pylist()
    assert (row[c.IN_BYTES], row[c.OUT_BYTES], row[c.OUT_PKTS]) == (10, 20, 0)
    assert row[c.FLOW_START] == 1_700_000_000_000
    assert joined.time_ms is not None
    assert joined.time_ms.tolist() == [1_700_000_000_000]


def test_bytes_back_that_can_be_no_number_are_bad_records() -> None:
    back = pa.array([{"x": 1}, None], pa.struct([("x", pa.int64())]))
    told = read_map(["OUT_BYTES=back"], None, "nfdump")
    given = pa.table({"sa": [A, B], "da": [B, A], "ibyt": [1, 2], "back": back})
    assert len(table_to_flows(given, preset=told).bad) == 2


def test_one_column_for_everything_loses_no_line(tmp_path: Path) -> None:
    told = read_map(["IPV4_SRC_ADDR=x", "IPV4_DST_ADDR=x", "IN_BYTES=x"], "x")
    path = written(tmp_path, "10.0.0.1\n\n10.0.0.1\n" * 50, "f.csv")
    batches = list(read_flows(str(path), preset=told, block_bytes=64))
    assert sum(len(batch.bad) for batch in batches) == 100
