"""Mapping: a layout that the user tells column by column, with ``--map`` and ``--columns``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from morpheus_gae.errors import UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.presets.table import Direction, Names, Preset
from morpheus_gae.flows.exporters.values.units import DURATIONS, FLOW_END, RATE, UNITS

if TYPE_CHECKING:
    from morpheus_gae.flows.exporters.convert import FlowBatch

MAP = "map"
"""Name of a layout that ``--map`` alone tells."""
IGNORED = "_"

OURS = (c.FLOW_START, FLOW_END, *(n for n in c.CANONICAL if n != c.FLOW_START), RATE)
"""What may stand on the left of ``--map``."""

_BY_NAME = {name.lower(): name for name in OURS}


class Entry(NamedTuple):
    """One ``--map``.

    Attributes
    ----------
    ours
        One of ``OURS``.
    theirs
        All that stands on the right.
    name, unit
        The same taken apart; the unit is empty if none was told.
    """

    ours: str
    theirs: str
    name: str
    unit: str

    def meant(self, found: set[str], prefix: str) -> tuple[str, str]:
        """Name and unit in a source with some columns: one may itself be called ``length:ms``."""
        if self.unit and not {self.theirs, prefix + self.theirs}.isdisjoint(found):
            return self.theirs, ""
        return self.name, self.unit


@dataclass(frozen=True)
class ColumnMap:
    """What ``--map`` and ``--columns`` told; stands wherever the name of a preset may.

    Attributes
    ----------
    entries
        In the order they were given: of several for one of our columns the first that has a value counts.
    columns
        Names of the columns of delimited text, which then has no header; empty if it has one.
    base
        Preset that is changed; found out by the columns if None or ``auto``.
    """

    entries: tuple[Entry, ...] = ()
    columns: Names = ()
    base: str | None = None

    def over(self, base: Preset | None, prefix: str, found: set[str]) -> Preset:
        """The preset of a source.

        Parameters
        ----------
        base
            Its preset without the map; None if its columns are canonical or of no known exporter.
        prefix
            What stands before the names of that preset there.
        found
            Its columns, as ``presets.paths`` tells them.
        """
        told: dict[str, Names] = {}
        units: dict[tuple[str, str], str] = {}
        for entry in self.entries:
            name, unit = entry.meant(found, prefix)
            if prefix and name.startswith(prefix):
                name = name.removeprefix(prefix)
            told[entry.ours] = (*told.get(entry.ours, ()), name)
            if unit:
                units[entry.ours, name] = unit
        two_way = c.OUT_BYTES in told or c.OUT_BYTES in found
        preset = base or _fresh(Direction.BOTH if two_way else Direction.ONE, bool(self.columns))
        if self.columns:
            preset = replace(preset, header=self.columns)
        given = {ours: names for ours, names in told.items() if ours in c.CANONICAL}
        for ours in (c.FLOW_START, c.DURATION):
            given.pop(ours, None)
        duration = preset.duration
        if c.DURATION in told:
            duration = tuple(
                (name, DURATIONS[units.get((c.DURATION, name), "ms")]) for name in told[c.DURATION]
            )
        elif FLOW_END in told:
            duration = ()
        direction = preset.direction
        if c.OUT_BYTES in told and direction is Direction.ONE:
            direction = Direction.BY_LAYOUT
        return replace(
            preset,
            fields={**preset.fields, **given},
            total={ours: names for ours, names in preset.total.items() if ours not in told},
            start=told.get(c.FLOW_START, preset.start),
            end=told.get(FLOW_END, preset.end),
            duration=duration,
            direction=direction,
            sampling=told.get(RATE, preset.sampling),
            over=told,
            units={**preset.units, **units},
            ignored=self.ignored,
        )

    @property
    def ignored(self) -> Names:
        """Names of the columns that were told to be none, as a reader makes them unique."""
        count = self.columns.count(IGNORED)
        return tuple(f"{IGNORED}.{i}" if i else IGNORED for i in range(count))


PresetLike = str | ColumnMap | None
"""Whose columns they are: the name of a preset, what the options told, or None to find it out."""


def _fresh(direction: Direction, headerless: bool) -> Preset:
    return Preset(
        name=MAP,
        marks=(),
        fields={},
        # an end may be told for a start that is canonical already
        start=(c.FLOW_START,),
        units={(c.FLOW_START, c.FLOW_START): "ms"},
        direction=direction,
        comment="#" if headerless else "",
    )


def read_map(options: Sequence[str] = (), columns: str | None = None, base: str | None = None) -> PresetLike:
    """Read the options ``--map`` and ``--columns``.

    Parameters
    ----------
    options
        Each ``OUR=THEIRS`` or ``OUR=THEIRS:unit``.
    columns
        Names, separated by commas; an empty one or ``_`` is a column that is left out.
    base
        Of ``--preset``.

    Returns
    -------
    str, ColumnMap or None
        ``base`` itself if neither option was given.

    Raises
    ------
    UsageError
        If one of them cannot be understood.
    """
    if not options and columns is None:
        return base
    return ColumnMap(tuple(map(_entry, options)), () if columns is None else _columns(columns), base)


def _entry(option: str) -> Entry:
    ours, equals, theirs = (part.strip() for part in option.partition("="))
    known = _BY_NAME.get(ours.lower())
    if not equals or not theirs:
        raise UsageError(
            f"--map {option}: write OUR=THEIRS or OUR=THEIRS:unit, such as {c.IN_BYTES}=bytes_sent:KiB"
        )
    if known is None:
        raise UsageError(f"--map {option}: {ours!r} is none of our columns: {', '.join(OURS)}")
    name, colon, unit = theirs.rpartition(":")
    if colon and name.strip() and unit.strip() in UNITS.get(known, {}):
        return Entry(known, theirs, name.strip(), unit.strip())
    return Entry(known, theirs, theirs, "")


def _columns(text: str) -> Names:
    try:
        rows = list(csv.reader([text], skipinitialspace=True))
    except csv.Error:
        rows = []
    names = tuple(name.strip() or IGNORED for row in rows for name in row)
    if all(name == IGNORED for name in names):
        raise UsageError("--columns names no column: write them in order, such as --columns src,dst,_,bytes")
    twice = sorted({name for name in names if name != IGNORED and names.count(name) > 1})
    if twice:
        raise UsageError(f"--columns names {', '.join(twice)} twice")
    return names


def note(preset: str | None, asked: PresetLike, one_way: bool) -> str | None:
    """The line that tells the user how columns are read; None if that is what was asked for.

    Parameters
    ----------
    preset
        Name of the preset that a batch was read with.
    asked
        What was asked for.
    one_way
        Whether its records tell one direction each.
    """
    if preset == MAP:
        if not one_way:
            return None
        return (
            f"The map names no {c.OUT_BYTES}: records tell one direction each, and those of one conversation "
            "are joined (--pair_seconds)"
        )
    base = asked.base if isinstance(asked, ColumnMap) else asked
    if preset is None or base not in (None, "auto"):
        return None
    return f"The columns are those of {preset}: read so (--preset {preset}; or give another)"


def noted(batches: Iterable[FlowBatch], say: Callable[[str], None] | None) -> Iterator[FlowBatch]:
    """What a reader gives, telling the user once if a map makes one-way records of it."""
    for batch in batches:
        if say is not None and batch.preset == MAP and batch.flows.one_way:
            say(str(note(MAP, None, one_way=True)))
            say = None
        yield batch
