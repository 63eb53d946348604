"""Trace: how a source was read, told by the code that reads it, to whoever wants to show it.

The readers call ``tracing()`` where they decide something. Usually nobody listens and nothing is kept; inside
``with listening() as trace`` it is. What is told cannot differ from what is done: there is no second list.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

I64 = npt.NDArray[np.int64]

KEPT_ROWS = 10_000
"""Records of a source that are kept as they came."""


class Way(NamedTuple):
    """One way to a value.

    Attributes
    ----------
    name
        Column of the source, or path into it.
    unit
        Of its values: of times and lengths ``s``, ``ms``, ``us``, ``ns``, ``min``, or what kind of text or
        time they are; of bytes one of ``units.BYTES``; empty if they are taken as they are.
    minus, minus_unit
        What is subtracted; empty if nothing is.
    """

    name: str
    unit: str = ""
    minus: str = ""
    minus_unit: str = ""


def between_ways(ends: tuple[Way, ...], starts: tuple[Way, ...]) -> tuple[Way, ...]:
    """The way to a length from ends and starts, of each of which the first that is there counts."""
    if not ends or not starts:
        return ()
    name, minus = (" or ".join(way.name for way in several) for several in (ends, starts))
    return (Way(name, ends[0].unit, minus, starts[0].unit),)


@dataclass(frozen=True)
class Derived:
    """How a canonical column came about.

    Attributes
    ----------
    column
        Its name.
    ways
        Row by row the first that has a value counts; none if there is no column to take it from.
    rate
        Names of the sampling rate that it is multiplied by, the first that has a value.
    otherwise
        What stands where no way gives a value: ``null``, or ``0``.
    note
        What else was done, in words.
    """

    column: str
    ways: tuple[Way, ...] = ()
    rate: tuple[str, ...] = ()
    otherwise: str = "null"
    note: str = ""

    def joined(self, other: Derived) -> Derived:
        """Both, as batches of one source may differ in the columns they have."""
        ways = (*self.ways, *(way for way in other.ways if way not in self.ways))
        # of times the unit shows once there is one
        told = {(way.name, way.minus) for way in ways if way.unit}
        ways = tuple(way for way in ways if way.unit or (way.name, way.minus) not in told)
        rate = (*self.rate, *(name for name in other.rate if name not in self.rate))
        return replace(other, ways=ways, rate=rate, note=other.note or self.note)


@dataclass
class Trace:
    """What was told of one source.

    Attributes
    ----------
    kind, told_by
        Format, and how it was found out.
    compression
        ``gzip``, ``zstd``, or empty.
    layout
        A ``presets.Layout``; None if the columns are canonical.
    mark
        Names by which the preset was found out; empty if it was told, or there is none.
    derived
        By canonical column.
    before
        The first records as they came, each part with their numbers, int64 [E]; where they were read again
        (as text, for instance) the later part counts.
    swap
        Column and values with which source and destination change places; None if they never do.
    active
        Whether anything is kept, and worth finding out.
    """

    kind: str = ""
    told_by: str = ""
    compression: str = ""
    layout: Any = None
    mark: tuple[str, ...] = ()
    derived: dict[str, Derived] = field(default_factory=dict)
    before: list[tuple[I64, pa.Table]] = field(default_factory=list)
    swap: tuple[str, tuple[str, ...]] | None = None

    active: ClassVar[bool] = True

    def source(self, kind: str, told_by: str, compression: str) -> None:
        """Take down a source's format."""
        self.kind, self.told_by, self.compression = kind, told_by, compression

    def found(self, layout: Any, mark: tuple[str, ...]) -> None:
        """Take down its layout."""
        # what is made of nothing, such as an input that broke off, has none
        if layout is not None:
            self.layout, self.mark = layout, mark

    def records(self, rows: I64, table: pa.Table) -> None:
        """Keep the first records as they came; ``rows`` are their numbers, int64 [E]."""
        room = KEPT_ROWS - sum(len(kept) for kept, _ in self.before)
        if room > 0 and len(rows):
            self.before.append((rows[:room], table.slice(0, room)))

    def renumbered(self, first: int, places: I64) -> None:
        """Take down that of the last records, from number ``first`` on, the i-th is number ``places[i]``."""
        if self.before and int(self.before[-1][0][0]) >= first:
            rows, table = self.before[-1]
            self.before[-1] = first + places[rows - first], table

    def column(self, derived: Derived) -> None:
        """Take down how a column came about."""
        before = self.derived.get(derived.column)
        self.derived[derived.column] = derived if before is None else before.joined(derived)

    def exchanged(self, column: str, values: tuple[str, ...]) -> None:
        """Take down when ends change places."""
        self.swap = column, values

    def changed(self, column: str, **values: Any) -> None:
        """Take down what more was done to a column."""
        self.derived[column] = replace(self.derived.get(column, Derived(column)), **values)


class _Nobody(Trace):
    """Keeps nothing."""

    active = False

    def source(self, *_: Any) -> None: ...
    def found(self, *_: Any) -> None: ...
    def records(self, *_: Any) -> None: ...
    def column(self, *_: Any) -> None: ...
    def renumbered(self, *_: Any) -> None: ...
    def exchanged(self, *_: Any) -> None: ...
    def changed(self, *_: Any, **__: Any) -> None: ...


NOBODY = _Nobody()
_LISTENING: ContextVar[Trace] = ContextVar("trace", default=NOBODY)


def tracing() -> Trace:
    """Whom to tell."""
    return _LISTENING.get()


@contextmanager
def listening() -> Iterator[Trace]:
    """Keep what is told inside."""
    trace = Trace()
    token = _LISTENING.set(trace)
    try:
        yield trace
    finally:
        _LISTENING.reset(token)
