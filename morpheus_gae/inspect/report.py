"""Report: findings on one source, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class BadKind:
    """Bad records of one reason: how many, and the first one's number and what was found in it."""

    count: int
    first: int
    detail: str


@dataclass
class Column:
    """A canonical column.

    Attributes
    ----------
    made_of
        How it came about, in words.
    sources
        Columns of the source that it is made of.
    unit
        Of the first of them, where it has one.
    absent
        Share of flows without a value, 0 to 1.
    """

    made_of: str
    sources: list[str]
    unit: str
    absent: float


@dataclass
class Example:
    """One record: its number in the source, as it came, and the canonical columns of its flow."""

    row: int
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class Report:
    """One source.

    Attributes
    ----------
    source
        Path, ``-``, or an interface.
    refused
        Why it cannot be read as flows; empty if it can.
    format, told_by, compression
        See ``flows.trace.Trace``; the compression is empty if there is none.
    preset, preset_told_by, mark
        Name of the layout (``canonical`` if nothing had to be made), how it was found out, and the columns
        that told it.
    source_columns
        Name and type of the columns as they came.
    records, complete
        Records that were read, and whether these were all.
    flows
        Made of them.
    bad, skipped, noted
        By reason: records set aside, records that are no flows, flows of which something was put right.
    one_way, paired, unpaired
        Whether a record tells one direction only; flows made of two, and records that found no partner.
    exchanged
        The column and its values with which source and destination change places.
    durations_missing
        Share of flows, 0 to 1.
    columns
        By canonical column.
    labels
        By column of labels: its values and how many flows have them.
    first, last
        Earliest and latest start, ISO 8601 in UTC; None if no start is known.
    hosts
        Distinct addresses.
    examples
        Some records.
    """

    source: str
    refused: str = ""
    format: str = ""
    told_by: str = ""
    compression: str = ""
    preset: str = ""
    preset_told_by: str = ""
    mark: list[str] = field(default_factory=list)
    source_columns: dict[str, str] = field(default_factory=dict)
    records: int = 0
    complete: bool = True
    flows: int = 0
    bad: dict[str, BadKind] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)
    one_way: bool = False
    paired: int = 0
    unpaired: int = 0
    exchanged: dict[str, Any] = field(default_factory=dict)
    durations_missing: float = 0.0
    columns: dict[str, Column] = field(default_factory=dict)
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    first: str | None = None
    last: str | None = None
    hosts: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def unreadable(self) -> bool:
        """Whether there is nothing in it that could be scored, and should be."""
        return bool(self.refused) or (not self.flows and bool(self.bad))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self)
