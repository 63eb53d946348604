"""Batches join whatever their extra columns hold."""

from __future__ import annotations

import pyarrow as pa
import pytest

from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.frame import Flows, concat
from tests.flows.made_files import record


def flows(first: int, count: int, **extra: object) -> Flows:
    rows = [record(i, **extra) for i in range(first, first + count)]
    return table_to_flows(pa.Table.from_pylist(rows), first_row=first).flows


def test_a_column_that_changes_its_type_becomes_text() -> None:
    joined = concat([flows(0, 2, extra=1), flows(2, 1, extra="x"), flows(3, 1), flows(4, 1, extra=[1])])
    assert joined.table["extra"].to_pylist() == ["1", "1", "x", None, "[1]"]
    assert joined.table["IN_BYTES"].to_pylist() == [100, 101, 102, 103, 104]
    assert joined.rows.tolist() == [0, 1, 2, 3, 4]


def test_whole_numbers_and_fractions_become_fractions() -> None:
    assert concat([flows(0, 1, extra=1), flows(1, 1, extra=1.5)]).table["extra"].to_pylist() == [1.0, 1.5]


def test_slices_and_choices_agree_with_the_whole() -> None:
    whole = flows(0, 10)
    parts = concat([whole.slice(0, 4), whole.slice(4, 4), whole.slice(4, 10)])
    assert parts.table.equals(whole.table)
    assert (parts.src_lo == whole.src_lo).all()
    chosen = whole.take(whole.rows % 2 == 1)
    assert chosen.rows.tolist() == [1, 3, 5, 7, 9]
    assert chosen.table["IN_BYTES"].to_pylist() == [101, 103, 105, 107, 109]


def timeless(first: int, count: int) -> Flows:
    rows = pa.Table.from_pylist([record(i) for i in range(first, first + count)])
    return table_to_flows(rows.drop_columns(["FLOW_START_MILLISECONDS"]), first_row=first).flows


def test_a_batch_without_times_takes_none_away_from_the_others() -> None:
    one, other = flows(0, 2), flows(3, 2)
    assert one.time_ms is not None
    assert other.time_ms is not None
    (a, b), (c, d) = one.time_ms.tolist(), other.time_ms.tolist()
    joined = concat([one, timeless(2, 1), other, timeless(5, 2)])
    assert joined.time_ms is not None
    # that of the flow before it
    assert joined.time_ms.tolist() == [a, b, b, c, d, d, d]
    # as the record tells none, its row does not either
    assert joined.table["FLOW_START_MILLISECONDS"].to_pylist() == [a, b, None, c, d, None, None]
    first = concat([timeless(0, 2), timeless(2, 1), other]).time_ms
    assert first is not None
    assert first.tolist() == [c, c, c, c, d]
    assert concat([timeless(0, 1), timeless(1, 1)]).time_ms is None


def test_a_batch_of_bad_records_alone_takes_no_times_away() -> None:
    empty = table_to_flows(pa.Table.from_pylist([record(9, IN_BYTES=-1)])).flows
    assert len(empty) == 0
    for parts in ([empty, flows(0, 3)], [flows(0, 3), empty]):
        joined = concat(parts)
        assert joined.time_ms is not None
        assert joined.time_ms.tolist() == concat([flows(0, 3)]).time_ms.tolist()  # type: ignore[union-attr]
    assert concat([empty, empty]).time_ms is None


def test_nothing_to_join() -> None:
    with pytest.raises(ValueError, match="nothing to join"):
        concat([])
