"""Convert: a table of records to flows, with every record that cannot be one set aside with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.errors import InputError
from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.kernels import OK
from morpheus_gae.flows.addresses.text import parse_either, parse_status
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.flows.exporters.layout import Layout, apply, choose, lacking, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.refusal import refusal
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.span import neighbours
from morpheus_gae.flows.tables.cells import cells, records
from morpheus_gae.flows.tables.checks import checked
from morpheus_gae.flows.tables.counters import counters, whole
from morpheus_gae.flows.tables.numbers import BLANK, numbers, too_large
from morpheus_gae.flows.trace import tracing

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

_NONE = np.zeros(0, np.bool_)

NEGATIVE_DURATION = "negative_duration"
"""Noted of flows that end before they start, as some exporters' clocks have it: their counters are right."""


@dataclass(frozen=True)
class FlowBatch:
    """What a reader gives at a time.

    Attributes
    ----------
    flows
        Well-formed flows, in order.
    bad
        Records set aside.
    source
        File, or ``-``.
    bytes_read
        Bytes of input (compressed ones, if it is) that this batch took: the sum over all batches comes to
        ``total_bytes``.
    skipped
        Records that are neither flows nor bad, by reason: markers, events of other kinds.
    preset
        Name of the preset that the columns were read with; None if they are canonical.
    noted
        Flows that were read with something put right, by what.
    """

    flows: Flows
    bad: list[BadRecord]
    source: str
    bytes_read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    preset: str | None = None
    noted: Counter[str] = field(default_factory=Counter)


def require_columns(names: Sequence[str], source: str, layout: Layout | None = None) -> None:
    """Check that a table can be flows at all.

    Parameters
    ----------
    names
        Its columns, as ``presets.paths`` tells them.
    source
        Name for the error.
    layout
        Its layout, if it is an exporter's.

    Raises
    ------
    InputError
        Naming what is missing, what was found, which presets there are, and how to begin a map.
    """
    absent = lacking(names, layout)
    if not absent:
        return
    raise InputError(refusal(names, source, layout, absent))


def table_to_flows(
    table: pa.Table,
    source: str = "table",
    first_row: int = 0,
    *,
    rows: I64 | None = None,
    text_of: Callable[[int], str] | None = None,
    bytes_read: int = 0,
    preset: Layout | PresetLike = None,
) -> FlowBatch:
    """Convert a table.

    Parameters
    ----------
    table
        E records with at least the required columns (``columns.REQUIRED``), or with those of an exporter, to
        which the canonical ones are then added. Canonical counters that are text become numbers in the
        result; every other column stays as it is.
    source
        Name for errors and dead letters.
    first_row
        Position of the table's first record in its source.
    rows
        int64 [E] position of each record, where they do not follow one another.
    text_of
        Raw text of the record at an index of the table; its columns as JSON if None.
    bytes_read
        Passed on.
    preset
        Layout of the columns, or the preset; None tells it by the columns.

    Raises
    ------
    DamagedError
        If the table is not what it says it is (see ``checks.checked``).
    InputError
        If a required column is missing.
    UsageError
        If there is no preset of that name.
    """
    table, garbled = checked(table, source)
    if garbled is not None:
        return _without(table, garbled, source, first_row, rows, text_of, bytes_read, preset)
    layout: Layout | None
    if isinstance(preset, Layout):
        layout = preset
    else:
        names = paths(table.schema)
        layout = choose(names, preset)
        require_columns(names, source, layout)
    e = table.num_rows
    rows = np.arange(first_row, first_row + e, dtype=np.int64) if rows is None else rows
    tracing().records(rows, table)
    skipped: Counter[str] = Counter()
    own = columns.DURATION in table.column_names
    if layout is not None:
        applied = apply(table, layout)
        table, skipped = applied.table, applied.skipped
        own = own and columns.DURATION not in layout.preset.over
        if applied.index is not None:
            rows, text_of, e = rows[applied.index], _moved(text_of, applied.index), table.num_rows
    src_hi, src_lo, src_ok = _addresses(table, *columns.SRC_ADDRESSES)
    dst_hi, dst_lo, dst_ok = _addresses(table, *columns.DST_ADDRESSES)
    # a record with several faults is counted by the first
    faults: dict[Reason, Bool] = {Reason.ADDRESS: ~(src_ok & dst_ok)}
    usual = counters([table[name] for name in columns.ATTRIBUTES], optional=2)
    backwards = _NONE
    if usual is not None:
        attributes, missing = usual
    else:
        attributes, missing, backwards, more = _counters(table, text_of)
        faults |= more
    if backwards.any() and not own:
        table = _without_lengths(table, backwards)
    flows = Flows(
        table=table,
        src_hi=src_hi,
        src_lo=src_lo,
        dst_hi=dst_hi,
        dst_lo=dst_lo,
        attributes=attributes,
        duration_missing=missing,
        rows=rows,
        time_ms=_times(table),
        one_way=layout is not None and layout.one_way,
    )
    name = None if layout is None else layout.preset.name
    wrong = np.logical_or.reduce(list(faults.values()))
    noted = +Counter({NEGATIVE_DURATION: int((backwards & ~wrong).sum()) if backwards.any() else 0})
    if not wrong.any():
        return FlowBatch(_narrow(flows), [], source, bytes_read, skipped, name, noted)
    bad = _set_aside(table, wrong, faults, source, rows, text_of)
    return FlowBatch(_narrow(flows.take(~wrong)), bad, source, bytes_read, skipped, name, noted)


def _counters(
    table: pa.Table, text_of: Callable[[int], str] | None
) -> tuple[F32, Bool, Bool, dict[Reason, Bool]]:
    """Attributes of any values; no duration, a negative one, and the faults of the others, bool [E] each."""
    parts = [numbers(table[name]) for name in columns.ATTRIBUTES]
    values = np.stack([p[0] for p in parts], 1) if table.num_rows else np.zeros((0, 3))
    backwards = values[:, 2] < 0
    values[backwards, 2] = 0
    faults: dict[Reason, Bool] = {
        Reason.NOT_A_NUMBER: parts[0][2] | parts[1][2] | parts[2][2],
        Reason.MISSING_COUNTER: parts[0][1] | parts[1][1],
        Reason.NEGATIVE_COUNTER: np.asarray((values < 0).any(1)),
        Reason.TOO_LARGE: too_large(table[columns.IN_BYTES], values[:, 0], text_of)
        | too_large(table[columns.OUT_BYTES], values[:, 1], text_of),
    }
    return values.astype(np.float32), parts[2][1] | backwards, backwards, faults


def _without_lengths(table: pa.Table, rows: Bool) -> pa.Table:
    """The table, with no length in some rows, bool [E]."""
    at = table.schema.get_field_index(columns.DURATION)
    lengths = table[columns.DURATION]
    return table.set_column(
        at, columns.DURATION, pc.if_else(pa.array(rows), pa.scalar(None, lengths.type), lengths)
    )


def _without(
    table: pa.Table,
    garbled: Bool,
    source: str,
    first_row: int,
    rows: I64 | None,
    text_of: Callable[[int], str] | None,
    bytes_read: int,
    preset: Layout | PresetLike,
) -> FlowBatch:
    """The flows of the rows that are text where they say so; the others are set aside."""
    rows = np.arange(first_row, first_row + len(garbled), dtype=np.int64) if rows is None else rows
    bad = _set_aside(table, garbled, {Reason.ENCODING: garbled}, source, rows, text_of)
    at = np.flatnonzero(~garbled)
    rest = table_to_flows(
        table.take(at),
        source,
        rows=rows[at],
        text_of=_moved(text_of, at),
        bytes_read=bytes_read,
        preset=preset,
    )
    return replace(rest, bad=sorted([*bad, *rest.bad], key=lambda record: record.row))


def _moved(text_of: Callable[[int], str] | None, index: I64) -> Callable[[int], str] | None:
    return None if text_of is None else lambda i: text_of(int(index[i]))


def _addresses(table: pa.Table, v4: str, v6: str) -> tuple[U64, U64, Bool]:
    """Each row's address: the v4 column's, or the v6 column's where that says nothing (null, 0.0.0.0)."""
    names = [n for n in (v4, v6) if n in table.column_names]
    parse = parse_status if len(names) == 1 else parse_either
    hi, lo, status = parse(*(table[name] for name in names))
    return hi, lo, status == OK


def _times(table: pa.Table) -> I64 | None:
    if columns.FLOW_START not in table.column_names:
        return None
    usual = whole(table[columns.FLOW_START])
    if usual is not None:
        return usual
    values, absent, misfit = numbers(table[columns.FLOW_START])
    none = absent | misfit | (np.abs(values) > 2**53)
    if none.all():
        return None
    return neighbours(np.where(none, 0.0, values).astype(np.int64), none)


def _set_aside(
    table: pa.Table,
    wrong: Bool,
    faults: dict[Reason, Bool],
    source: str,
    rows: I64,
    text_of: Callable[[int], str] | None,
) -> list[BadRecord]:
    at = np.flatnonzero(wrong)
    out = []
    picked = table.take(at)
    texts = map(text_of, at.tolist()) if text_of else records(picked)
    judged = [n for n in (*columns.ADDRESSES, *columns.ATTRIBUTES) if n in table.column_names]
    for i, cell, record in zip(at.tolist(), cells(picked.select(judged)), texts, strict=True):
        reason = next(r for r, wrong_here in faults.items() if wrong_here[i])
        out.append(BadRecord(reason, source, int(rows[i]), _detail(reason, cell), record))
    return out


def _detail(reason: Reason, cell: dict[str, object]) -> str:
    if reason is Reason.ENCODING:
        return "not UTF-8"
    names = columns.ADDRESSES if reason is Reason.ADDRESS else columns.ATTRIBUTES
    return ", ".join(f"{n}={cell[n]!r}" for n in names if n in cell)


def _narrow(flows: Flows) -> Flows:
    """Counters that were read as text because of a neighbour become numbers again."""
    table = flows.table
    for i, name in enumerate(table.column_names):
        if name in columns.ATTRIBUTES and pa.types.is_string(table[name].type):
            table = table.set_column(i, name, _number_column(table[name]))
    return flows if table is flows.table else replace(flows, table=table)


def _number_column(text: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_trim_whitespace(text)
    blank = pc.is_in(text, value_set=pa.array(BLANK, text.type))
    text = pc.if_else(blank, pa.scalar(None, text.type), text)
    try:
        return text.cast(pa.int64())
    except pa.ArrowInvalid:
        return text.cast(pa.float64())
