"""Canonical columns out of those of an exporter, whole columns at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.presets.table import Direction, Names, Preset
from morpheus_gae.flows.exporters.values.cast import (
    I64,
    Bool,
    Column,
    above_0,
    durations,
    find,
    first,
    less,
    multiplied,
    one_of,
    paced,
    ports,
    protocols,
    ratio,
    times,
)
from morpheus_gae.flows.exporters.values.convert_units import in_bytes, in_micros
from morpheus_gae.flows.exporters.values.infer_units import length_unit, time_unit
from morpheus_gae.flows.exporters.values.kernels import NO_TIME
from morpheus_gae.flows.exporters.values.labels import is_glued, labels, unglued
from morpheus_gae.flows.exporters.values.units import FLOW_END, RATE
from morpheus_gae.flows.tables.concat import as_text, is_text
from morpheus_gae.flows.tables.numbers import numbers
from morpheus_gae.flows.trace import Derived, Way, between_ways, tracing

ENDS = (
    (c.IPV4_SRC, c.IPV4_DST),
    (c.IPV6_SRC, c.IPV6_DST),
    (c.SRC_PORT, c.DST_PORT),
    (c.IN_BYTES, c.OUT_BYTES),
    (c.IN_PKTS, c.OUT_PKTS),
)
"""Columns that change places with the direction of a record."""

_CONVERTED = {c.SRC_PORT: ports, c.DST_PORT: ports, c.PROTOCOL: protocols}
COUNTERS = (c.IN_BYTES, c.OUT_BYTES, c.IN_PKTS, c.OUT_PKTS)
"""Columns that a sampling rate multiplies."""


def canonical_columns(table: pa.Table, preset: Preset, prefix: str) -> dict[str, Column]:
    """The canonical columns that a table lacks, in their usual order, and those that words stand in.

    Parameters
    ----------
    table
        E records, all of them flows.
    preset
        Of their exporter.
    prefix
        What stands before the exporter's names.
    """
    own = {name for names in preset.over.values() for name in names}

    def named(names: Names) -> list[tuple[str, Column]]:
        found = ((name, find(table, prefix + name)) for name in names)
        # a name that the user told may be outside of what the exporter wraps its names in
        found = ((n, find(table, n) if got is None and n in own else got) for n, got in found)
        return [(name, column) for name, column in found if column is not None]

    def some(names: Names) -> list[Column]:
        return [column for _, column in named(names)]

    def at(ours: str, names: Names) -> list[I64]:
        units = preset.units
        told = [(units.get((ours, name)), column) for name, column in named(names)]
        return [times(column) if unit is None else in_micros(column, unit) for unit, column in told]

    trace = tracing()

    def path(name: str) -> str:
        return name if find(table, prefix + name) is None else prefix + name

    def ways(ours: str, names: Names) -> tuple[Way, ...]:
        if not trace.active:
            return ()
        return tuple(
            Way(path(n), preset.units.get((ours, n)) or _unit(ours, column)) for n, column in named(names)
        )

    there = set(table.column_names) - set(preset.over)
    out: dict[str, Column] = {}
    for name, names in preset.fields.items():
        if name in (c.LABEL, c.ATTACK) and name not in preset.over:
            continue
        # a protocol that is a word is in a column of that name, and not yet what should be there
        absent = name not in there or (name == c.PROTOCOL and is_text(table[name].type))
        found = some(names) if absent else []
        if name in (c.IN_BYTES, c.OUT_BYTES) and found:
            found = [in_bytes(column, preset.units.get((name, n), "B")) for n, column in named(names)]
        if found and names[0] in preset.if_above_0:
            # 0 stays where nothing else is told
            found = [*map(above_0, found[:-1]), found[-1], *found[:-1]]
        if found:
            trace.column(Derived(name, ways(name, names)))
            out[name] = first([_CONVERTED[name](column) for column in found] if name in _CONVERTED else found)
    for name, names in preset.total.items():
        part = out.get(c.IN_BYTES if name == c.OUT_BYTES else c.IN_PKTS)
        found = some(names) if name not in there and name not in out and part is not None else []
        if found:
            of = c.IN_BYTES if name == c.OUT_BYTES else c.IN_PKTS
            trace.column(Derived(name, tuple(Way(path(n), minus=of) for n, _ in named(names))))
            out[name] = less(first(found), part)
    pairs = [(some((looked,)), some((left,))) for looked, left in preset.spacing]
    rates = [ratio(one[0], other[0]) for one, other in pairs if one and other] + some(preset.sampling)
    rated = tuple(
        f"({path(a)} + {path(b)}) / {path(a)}"
        for (a, b), (one, other) in zip(preset.spacing, pairs, strict=True)
        if one and other
    )
    rated = (*rated, *(path(name) for name, _ in named(preset.sampling)))
    for name in COUNTERS:
        if RATE in preset.over and name in there:
            # the user said so of what is canonical, too
            out[name] = table[name]
            trace.column(Derived(name, (Way(name),)))
        if name in out and rates:
            trace.changed(name, rate=rated)
            out[name] = multiplied(out[name], first(rates))
    if preset.swap is not None:
        told = some((preset.swap[0],))
        if told:
            trace.exchanged(path(preset.swap[0]), preset.swap[1])
            _swap(out, one_of(told[0], preset.swap[1]))
    for name in (c.IN_PKTS, c.OUT_PKTS):
        if name in out and not pa.types.is_integer(out[name].type):
            out[name] = _whole(out[name])
    _times(there, table.num_rows, preset, some, at, ways, out)
    _complete(table, preset, out)
    _labels(table, preset, some, ways, out)
    return {name: out[name] for name in c.CANONICAL if name in out}


def _unit(ours: str, column: Column) -> str:
    """In what the values of a column are that ours is made of."""
    if ours in (c.FLOW_START, FLOW_END):
        return time_unit(column)
    return "name" if ours == c.PROTOCOL and is_text(column.type) else ""


def _labels(
    table: pa.Table,
    preset: Preset,
    some: Callable[[Names], list[Column]],
    ways: Callable[[str, Names], tuple[Way, ...]],
    out: dict[str, Column],
) -> None:
    told, kind = some(preset.fields.get(c.LABEL, ())), some(preset.fields.get(c.ATTACK, ()))
    glued = [name for name in table.column_names if is_glued(name)] if c.LABEL in preset.fields else []
    if not told and glued:
        one, other = unglued(table[glued[0]])
        told, kind = [one], [other]
    if not told or not table.num_rows or c.LABEL in out:
        return
    of_label = ways(c.LABEL, preset.fields.get(c.LABEL, ())) or tuple(map(Way, glued[:1]))
    of_attack = ways(c.ATTACK, preset.fields.get(c.ATTACK, ())) or of_label
    label, attack = labels(first(told), first(kind) if kind else None, preset.parts)
    # words become 0 and 1; their own column, if it is this one, is kept as the class
    if c.LABEL not in table.column_names or not pa.types.is_integer(table[c.LABEL].type):
        out[c.LABEL] = label
        tracing().column(Derived(c.LABEL, of_label, note="0 is benign, 1 an attack"))
    if c.ATTACK not in table.column_names and c.ATTACK not in out:
        out[c.ATTACK] = attack
        tracing().column(Derived(c.ATTACK, of_attack, note="the class of an attack"))


def _swap(out: dict[str, Column], swapped: Bool) -> None:
    if not swapped.any():
        return
    mask = pa.array(swapped)
    for one, other in ENDS:
        if one not in out and other not in out:
            continue
        a, b = (out[n] if n in out else _nulls(len(swapped)) for n in (one, other))
        if a.type != b.type and not (pa.types.is_null(a.type) or pa.types.is_null(b.type)):
            a, b = as_text(a), as_text(b)
        out[one], out[other] = pc.if_else(mask, b, a), pc.if_else(mask, a, b)


def _times(
    there: set[str],
    rows: int,
    preset: Preset,
    some: Callable[[Names], list[Column]],
    at: Callable[[str, Names], list[I64]],
    ways: Callable[[str, Names], tuple[Way, ...]],
    out: dict[str, Column],
) -> None:
    """Start and duration, as far as they are not there."""
    if c.FLOW_START in there and c.DURATION in there:
        return
    start = _earliest(at(c.FLOW_START, preset.start), rows)
    starts = ways(c.FLOW_START, preset.start)
    lengths: tuple[Way, ...] = ()
    if c.DURATION not in there:
        given = [durations(find_one, unit) for n, unit in preset.duration for find_one in some((n,))]
        length = first(given) if given else _nulls(rows)
        lengths = tuple(
            way._replace(unit=length_unit(unit)) for n, unit in preset.duration for way in ways("", (n,))
        )
        pace = some((preset.pace,)) if given and preset.pace else []
        if pace:
            packets = [out[name] for name in (c.IN_PKTS, c.OUT_PKTS) if name in out]
            length = paced(length, pace[0], packets)
        if length.null_count:
            end = _earliest(at(FLOW_END, preset.end), rows)
            known = (start != NO_TIME) & (end != NO_TIME)
            if known.any():
                ends = ways(FLOW_END, preset.end)
                lengths = (*lengths, *between_ways(ends, starts))
                between = (np.where(known, end, 0) - np.where(known, start, 0)) / 1000.0
                length = first([length, pa.chunked_array([pa.array(between, mask=~known)])])
        tracing().column(
            Derived(c.DURATION, lengths, note=f"seconds where {preset.pace} says so" if pace else "")
        )
        out[c.DURATION] = length.cast(pa.float64()) if pa.types.is_null(length.type) else length
    if c.FLOW_START not in there:
        start = _earliest([start, *at("", preset.told)], rows)
        tracing().column(Derived(c.FLOW_START, (*starts, *ways(c.FLOW_START, preset.told))))
        if (start != NO_TIME).any():
            out[c.FLOW_START] = pa.chunked_array([pa.array(start // 1000, mask=start == NO_TIME)])


def _earliest(found: list[I64], rows: int) -> I64:
    """Row by row the first time that is one."""
    out = found[0] if found else np.full(rows, NO_TIME, np.int64)
    for other in found[1:]:
        out = np.where(out == NO_TIME, other, out)
    return out


def _complete(table: pa.Table, preset: Preset, out: dict[str, Column]) -> None:
    """What every table of flows must have, and the layout did not give."""
    there = {*table.column_names, *out}
    for need in c.missing(list(there)):
        out[need.split(" or ")[0]] = _nulls(table.num_rows)
        tracing().column(Derived(need.split(" or ")[0]))
    back = out.get(c.OUT_BYTES)
    if back is None or preset.direction is Direction.BOTH:
        return
    tracing().changed(c.OUT_BYTES, otherwise="0")
    if pa.types.is_null(back.type):
        out[c.OUT_BYTES] = pa.chunked_array([pa.array(np.zeros(table.num_rows, np.int64))])
    elif back.null_count:
        out[c.OUT_BYTES] = _filled(back)


def _filled(column: Column) -> Column:
    """Counters with 0 where there is none; what cannot hold a number stays as it is."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        return pc.fill_null(column, "0" if is_text(column.type) else 0)
    except (pa.ArrowException, TypeError, ValueError):
        return column


def _whole(column: Column) -> Column:
    """Packets as whole numbers; null for what is none."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowException:
        pass
    values, absent, misfit = numbers(column)
    none = absent | misfit | (np.abs(values) > 2**53)
    return pa.chunked_array([pa.array(np.where(none, 0, values).astype(np.int64), mask=none)])


def _nulls(rows: int) -> Column:
    return pa.chunked_array([pa.nulls(rows)])
