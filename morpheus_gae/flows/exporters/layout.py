"""Presets: flows of an exporter's own columns, as canonical columns beside them.

``choose`` tells the layout by its column names, ``apply`` adds what is missing; the rules of each exporter
are data, in ``presets``. Columns that are canonical already always win.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.errors import UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.canonical import canonical_columns
from morpheus_gae.flows.exporters.mapping import ColumnMap, PresetLike
from morpheus_gae.flows.exporters.presets.datasets import GLUED
from morpheus_gae.flows.exporters.presets.names import AUTO, CANONICAL, NAMES, PRESETS, spelled
from morpheus_gae.flows.exporters.presets.table import NOT_A_FLOW, NPROBE, Direction, Names, Preset, Skip
from morpheus_gae.flows.exporters.values.cast import Column, find, one_of
from morpheus_gae.flows.exporters.values.labels import is_glued
from morpheus_gae.flows.exporters.values.nested import opened
from morpheus_gae.flows.exporters.values.tuples import unpacked
from morpheus_gae.flows.tables.concat import is_text
from morpheus_gae.flows.trace import tracing

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """A preset as one source has it.

    Attributes
    ----------
    preset
        The exporter.
    prefix
        What stands before its names.
    one_way
        Whether records with no bytes back may have a partner that tells them.
    """

    preset: Preset
    prefix: str = ""
    one_way: bool = False

    def counters(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some names that are of columns of counters."""
        preset = self.preset
        of = {n for column in (c.IN_BYTES, c.OUT_BYTES) for n in preset.fields.get(column, ())}
        of |= {n for given in preset.total.values() for n in given} | {n for n, _ in preset.duration}
        return tuple(n for n in names if n in c.ATTRIBUTES or n.removeprefix(self.prefix) in of)


@dataclass(frozen=True)
class Applied:
    """A table with its canonical columns.

    Attributes
    ----------
    table
        E flows: every column as it came, then the canonical ones that were absent.
    index
        int64 [E] row of the given table that each came from; None if all stayed in place.
    skipped
        Records left out, by reason: they are no flows, nor bad.
    """

    table: pa.Table
    index: I64 | None
    skipped: Counter[str]


def paths(schema: pa.Schema) -> list[str]:
    """Names of all columns and, dotted, of the fields inside them."""
    out: list[str] = []
    for field in schema:
        out += _paths(field.name, field.type)
    return out


def _paths(name: str, kind: Any) -> list[str]:
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    inner = [p for f in kind for p in _paths(f"{name}.{f.name}", f.type)] if pa.types.is_struct(kind) else []
    return [name, *inner]


def choose(names: Iterable[str], told: PresetLike = None) -> Layout | None:
    """The layout of a source.

    Parameters
    ----------
    names
        Its columns, as ``paths`` tells them.
    told
        Name of a preset (see ``presets_names.spelled``), or a map over one; by the columns if None or "auto".

    Returns
    -------
    Layout or None
        None if the columns are canonical, or of no known exporter.

    Raises
    ------
    UsageError
        If there is no preset of that name.
    """
    layout, mark = _chosen(set(names), told)
    tracing().found(layout, mark)
    return layout


def _chosen(found: set[str], told: PresetLike) -> tuple[Layout | None, Names]:
    """The layout, and the names by which it was found out."""
    if isinstance(told, ColumnMap):
        base, mark = _chosen(found, told.base)
        preset, prefix = (None, "") if base is None else (base.preset, base.prefix)
        return _directed(told.over(preset, prefix, found), prefix, found), mark
    name = AUTO if told is None else spelled(told)
    if name == CANONICAL:
        return None, ()
    if name != AUTO:
        if name not in PRESETS:
            raise UsageError(f"unknown preset {told!r}: choose {', '.join(NAMES)}")
        return _layout(PRESETS[name], found), ()
    if not c.missing(list(found)):
        # all there but the start, which nProbe gives in seconds
        timed = "FIRST_SWITCHED" in found and c.FLOW_START not in found
        return (_layout(NPROBE, found), ("FIRST_SWITCHED",)) if timed else (None, ())
    anywhere = found | {"*." + name.partition(".")[2] for name in found if "." in name}
    anywhere |= {GLUED for name in found if is_glued(name)}
    most: Names = ()
    best: Preset | None = None
    for preset in PRESETS.values():
        for mark in preset.marks:
            if len(mark) > len(most) and anywhere.issuperset(mark):
                most, best = mark, preset
    return (None if best is None else _layout(best, found)), most


def _layout(preset: Preset, found: set[str]) -> Layout:
    names = [name for group in preset.fields.values() for name in group]
    # the last one stands for a source that has shown other records so far
    prefix = next((p for p in preset.prefixes if any(p + n in found for n in names)), preset.prefixes[-1])
    return _directed(preset, prefix, found)


def _directed(preset: Preset, prefix: str, found: set[str]) -> Layout:
    one_way = preset.direction in (Direction.ONE, Direction.BY_RECORD)
    if preset.direction is Direction.BY_LAYOUT:
        back = (*preset.fields.get(c.OUT_BYTES, ()), c.OUT_BYTES)
        one_way = not any(prefix + name in found or name in found for name in back)
    return Layout(preset, prefix, one_way)


def lacking(names: Iterable[str], layout: Layout | None) -> list[str]:
    """Canonical columns that a source must have and that none of its columns gives, in order."""
    found = set(names)
    absent = c.missing(list(found))
    if layout is None:
        return absent
    preset = layout.preset
    if preset.tuples:
        return [] if any(name.endswith(preset.tuples[-1]) for name in found) else [preset.tuples[-1]]
    # a duration may be unknown, and what comes back may be in another record
    optional = {c.DURATION} if preset.direction is Direction.BOTH else {c.DURATION, c.OUT_BYTES}
    out = [
        f"{' or '.join(theirs)} (--map {need})"
        for need, theirs in preset.over.items()
        if not any(layout.prefix + name in found or name in found for name in theirs)
    ]
    for need in absent:
        given = [n for column in need.split(" or ") for n in preset.fields.get(column, ())]
        given += preset.total.get(need, ())
        told = not preset.over.keys().isdisjoint(need.split(" or "))
        if need not in optional and not told and not any(layout.prefix + name in found for name in given):
            out.append(f"{need} (from {' or '.join(given)})" if given else need)
    return out


def apply(table: pa.Table, layout: Layout) -> Applied:
    """Add the canonical columns that a table lacks; leave out records that are no flows.

    Parameters
    ----------
    table
        E records.
    layout
        Theirs.

    Notes
    -----
    A column that the layout cannot give is null, so that its records are bad ones, except for the bytes back
    in one-way records (0) and the duration (missing).
    """
    preset = layout.preset
    if preset.ignored:
        table = table.drop_columns([name for name in preset.ignored if name in table.column_names])
    index: I64 | None = None
    skipped: Counter[str] = Counter()
    if preset.tuples:
        records = table.num_rows
        table, index = unpacked(opened(table, preset.tuples), preset.tuples)
        skipped[NOT_A_FLOW] += records - len(np.unique(index))
    inside = opened(table, nested(layout))
    keep = np.ones(table.num_rows, bool)
    outer = layout.prefix.rstrip(".")
    if outer and outer in inside.column_names:
        keep = ~np.asarray(inside[outer].is_null())
    elif outer and c.missing(inside.column_names):
        # records of other kinds, unless the names are written out
        keep[:] = any(name.startswith(layout.prefix) for name in inside.column_names)
    skipped[NOT_A_FLOW] += int((~keep).sum())
    for rule in preset.skip:
        out = _left_out(inside, rule, layout.prefix) & keep
        skipped[rule.reason] += int(out.sum())
        keep &= ~out
    if not keep.all():
        table, inside = _kept(table, keep), inside.filter(pa.array(keep))
        index = np.flatnonzero(keep) if index is None else index[keep]
    for name, column in canonical_columns(inside, preset, layout.prefix).items():
        at = table.schema.get_field_index(name)
        # only what the user told, and numbers in place of words, take the place of another
        table = table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
    return Applied(table, index, +skipped)


def nested(layout: Layout) -> list[str]:
    """Columns that the names of a layout go into."""
    preset = layout.preset
    given = [*preset.fields.values(), *preset.total.values(), preset.start, preset.end, preset.told]
    given += [preset.sampling, tuple(name for name, _ in preset.duration)]
    names = {name for group in given for name in group} | {rule.column for rule in preset.skip}
    inside = {layout.prefix + name for name in names} | {n for told in preset.over.values() for n in told}
    return [path.rpartition(".")[0] for path in inside if "." in path]


def _left_out(table: pa.Table, rule: Skip, prefix: str) -> npt.NDArray[np.bool_]:
    column = find(table, prefix + rule.column)
    if column is None:
        return np.zeros(table.num_rows, bool)
    out = one_of(column, rule.values or rule.only) if not rule.null else np.zeros(table.num_rows, bool)
    if rule.only:
        out = ~out & ~np.asarray(column.is_null())
    if rule.null:
        none = np.flatnonzero(_blank(column))
        rows = table.take(none)
        every = [_blank(other) for other in rows.columns]
        out[none[np.logical_and.reduce(every)]] = True
    if rule.unless_null:
        other = find(table, prefix + rule.unless_null)
        out &= False if other is None else ~np.asarray(other.is_null())
    return out


def _blank(column: Column) -> npt.NDArray[np.bool_]:
    """Which values are null or no text, bool [E]."""
    blank = np.asarray(column.is_null())
    return blank | one_of(column, ("",)) if is_text(column.type) else blank


def _kept(table: pa.Table, keep: npt.NDArray[np.bool_]) -> pa.Table:
    """Rows by mask, without the columns that only the others had."""
    had = {name for name in table.column_names if table[name].null_count < table.num_rows}
    table = table.filter(pa.array(keep))
    if not table.num_rows:
        return table
    had -= set(c.CANONICAL)
    gone = [n for n in table.column_names if n in had and table[n].null_count == table.num_rows]
    return table.drop_columns(gone)
