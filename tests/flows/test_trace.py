"""What the readers tell of themselves is what they do: by plain arithmetic it gives the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.exporters.values.cast import find, times
from morpheus_gae.flows.exporters.values.units import DURATIONS, TIMES
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.flows.tables.numbers import numbers
from morpheus_gae.flows.trace import NOBODY, Derived, Trace, Way, listening, tracing
from tests.flows.exporters.presets.test_presets import IDS, SAMPLES, written

COUNTERS = (c.IN_BYTES, c.OUT_BYTES, c.IN_PKTS, c.OUT_PKTS)


def read(path: str, **told: Any) -> tuple[Trace, list[FlowBatch]]:
    with listening() as trace:
        return trace, list(read_flows(path, **told))


def came(trace: Trace) -> dict[int, pa.Table]:
    """Records by number, each a table of one row."""
    return {int(row): part.slice(i, 1) for rows, part in trace.before for i, row in enumerate(rows)}


def value(record: pa.Table, ours: dict[str, Any], way: Way, name: str) -> float | None:
    """A number of the source, in milliseconds if it is a time or a length."""
    if name in COUNTERS and name != way.name:
        return ours[name]
    column = find(record, name)
    if column is None:
        return None
    unit = way.unit if name in way.name.split(" or ") else way.minus_unit
    if unit.startswith(("text", "timestamp")):
        return float(times(column)[0]) / 1000
    values, absent, misfit = numbers(column)
    if absent[0] or misfit[0]:
        return None
    if unit in TIMES and values[0] > 1e8:
        # a time, and no length; 0 is none
        return float(values[0]) * TIMES[unit] / 1000
    return float(values[0]) * DURATIONS.get(unit, 1)


def expected(record: pa.Table, ours: dict[str, Any], derived: Derived) -> float | None:
    for way in derived.ways:
        told = [value(record, ours, way, name) for name in way.name.split(" or ")]
        found = next((v for v in told if v is not None), None)
        if way.minus:
            less = [value(record, ours, way, name) for name in way.minus.split(" or ")]
            start = next((v for v in less if v is not None), None)
            found = None if found is None or start is None else found - start
        if found is not None:
            rates = [find(record, name) for name in derived.rate]
            rate = [numbers(column)[0][0] for column in rates if column is not None]
            return found * max(1.0, rate[0] if rate else 1.0)
    return 0.0 if derived.otherwise == "0" else None


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_what_is_told_gives_the_values(tmp_path: Path, sample: Any) -> None:
    trace, batches = read(written(tmp_path, sample), preset=sample.preset)
    assert trace.layout.preset.name == sample.preset
    records, checked = came(trace), 0
    for batch in batches:
        for row, ours in zip(batch.flows.rows.tolist(), batch.flows.table.to_pylist(), strict=True):
            record = records[row]
            turned = (
                trace.swap is not None
                and str(find(record, trace.swap[0])[0].as_py()).strip() in trace.swap[1]
            )
            for name in (*COUNTERS, c.FLOW_START, c.DURATION):
                derived = trace.derived.get(name)
                if (
                    derived is None
                    or turned
                    or any(find(record, way.name) is None for way in derived.ways[:1])
                ):
                    continue
                if any("(" in rate for rate in derived.rate) or derived.note:
                    continue
                want, got = expected(record, ours, derived), ours[name]
                if want is None or got is None or (want == 0 and got != 0):
                    continue
                checked += 1
                # times are cut to whole milliseconds
                assert abs(float(got) - want) < (1 if name == c.FLOW_START else 2e-3), (name, derived)
    # Azure's flows are in texts inside lists
    assert checked >= 2 or trace.layout.preset.tuples


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_canonical_column_is_told(tmp_path: Path, sample: Any) -> None:
    trace, batches = read(written(tmp_path, sample), preset=sample.preset)
    given = {name for batch in batches for name in batch.flows.table.column_names if name in c.CANONICAL}
    had = {field.name for _, part in trace.before for field in part.schema}
    # packets that the exchange of ends brings about have no column of their own
    assert given - had - {c.OUT_PKTS} <= set(trace.derived)
    columns = {field.name for _, part in trace.before for field in part.schema}
    top = {name.partition(".")[0] for name in columns} | columns | set(COUNTERS)
    for derived in trace.derived.values():
        for way in derived.ways:
            for name in way.name.split(" or "):
                assert name in top or name.partition(".")[0] in top or trace.layout.preset.tuples


def test_how_a_source_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "flows.ndjson"
    path.write_text('{"ip_src":"10.0.0.1","ip_dst":"10.0.0.2","bytes":1}\n', encoding="utf-8")
    trace, _ = read(str(path))
    assert (trace.kind, trace.told_by, trace.compression) == ("ndjson", "its name", "")
    assert trace.layout.preset.name == "pmacct"
    assert trace.mark == ("ip_src", "ip_dst", "bytes")
    other = tmp_path / "flows"
    other.write_bytes(path.read_bytes())
    assert read(str(other))[0].told_by == "its first bytes"
    assert read(str(path), preset="pmacct")[0].mark == ()


def test_batches_with_other_columns_are_joined() -> None:
    trace = Trace()
    trace.column(Derived(c.FLOW_START, (Way("start"),)))
    trace.column(Derived(c.FLOW_START, (Way("start", "s"), Way("received", "ns"))))
    assert trace.derived[c.FLOW_START].ways == (Way("start", "s"), Way("received", "ns"))


def test_nobody_keeps_anything() -> None:
    assert tracing() is NOBODY
    with listening() as trace:
        assert tracing() is trace
    assert tracing() is NOBODY
    NOBODY.column(Derived(c.IN_BYTES, (Way("bytes"),)))
    NOBODY.records(np.arange(1), pa.table({"a": [1]}))
    assert (NOBODY.derived, NOBODY.before) == ({}, [])
