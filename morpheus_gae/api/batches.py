"""Batches: converts a table to flows and windows, as the pipeline does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.errors import UsageError
from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.exporters.convert import require_columns, table_to_flows
from morpheus_gae.flows.exporters.enriched import enriched_columns
from morpheus_gae.flows.exporters.layout import choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike, read_map
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.flows.pairing.pair import Pairer
from morpheus_gae.flows.tables.numbers import numbers
from morpheus_gae.graph.windows import Windower, milliseconds

I64 = npt.NDArray[np.int64]
BATCH_ROWS = 65_536
NO_TIME = np.iinfo(np.int64).min
STREAM, CLOCK = CUTS = ("stream", "clock")


@dataclass
class Account:
    """Accounting of the rows of a table.

    Attributes
    ----------
    bad
        Bad records, with their reasons.
    skipped
        Rows that are neither flows nor bad, by reason: markers, events of other kinds.
    noted
        Corrected flows, by kind of correction.
    flows
        Those that were found.
    partners
        int64 [F, 2] each: rows of reverse records, and the row of the flow they were paired to.
    """

    bad: list[BadRecord] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    flows: int = 0
    partners: list[I64] = field(default_factory=list)


@dataclass(frozen=True)
class Cut:
    """Conversion of rows to flows, and of flows to windows.

    Attributes
    ----------
    columns
        Layout: name of a preset, or a map of canonical columns to input ones; None: detected.
    pair_seconds
        Maximum seconds between one-way records paired to one flow; 0: no pairing.
    graph_size, window_seconds
        Flows and seconds of a window.
    windows
        ``stream``: in row order, as in the pipeline. ``clock``: by start time, at multiples of
        ``window_seconds`` since the epoch, independent of row order and of the start of the data. Flows
        without a start time have separate windows.
    """

    columns: str | Mapping[str, str] | None = None
    pair_seconds: float = 60.0
    graph_size: int = 200_000
    window_seconds: float | None = None
    windows: str = STREAM

    def __post_init__(self) -> None:
        if self.windows not in CUTS:
            raise UsageError(f"windows {self.windows!r}: choose stream or clock")
        if self.windows == CLOCK and self.window_seconds is None:
            raise UsageError("windows by the clock need their length: give window_seconds")
        try:
            # refuses invalid values, including NaN
            Windower(self.graph_size, self.window_seconds)
            Pairer(self.pair_seconds or 1.0)
        except ValueError as error:
            raise UsageError(str(error)) from None

    @property
    def preset(self) -> PresetLike:
        """Return ``columns`` in the form for readers."""
        if self.columns is None or isinstance(self.columns, str):
            return self.columns
        return read_map([f"{ours}={theirs}" for ours, theirs in self.columns.items()])

    def flows(self, table: pa.Table, account: Account) -> Iterator[Flows]:
        """Yield the valid flows of a table in batches, with one-way records paired.

        Raises
        ------
        InputError
            If a required column is missing.
        UsageError
            If there is no preset of that name, or the map is invalid.
        """
        for flows in self.joined(self.records(table, account), account):
            account.flows += len(flows)
            if len(flows):
                yield flows

    def cut(self, table: pa.Table, account: Account) -> Iterator[Flows]:
        """Yield windows of the flows of a table; errors as in `flows`."""
        if self.windows == STREAM:
            windower = self._windower()
            for flows in self.flows(table, account):
                yield from windower.push(flows)
            yield from windower.flush()
            return
        for records in self._by_clock(list(self.records(table, account))):
            windower = self._windower()
            for flows in self.joined([records], account):
                account.flows += len(flows)
                yield from windower.push(flows)
            yield from windower.flush()

    def records(self, table: pa.Table, account: Account) -> Iterator[Flows]:
        """Yield the valid records of a table in batches, without pairing; errors as in `flows`."""
        names = paths(table.schema)
        layout = choose(names, self.preset)
        require_columns(names, "flows", layout)
        for start in range(0, table.num_rows, BATCH_ROWS):
            part = table.slice(start, BATCH_ROWS)
            batch = table_to_flows(part, "flows", start, preset=layout or CANONICAL)
            account.bad += batch.bad
            account.skipped += batch.skipped
            account.noted += batch.noted
            yield batch.flows

    def joined(self, parts: Iterable[Flows], account: Account) -> Iterator[Flows]:
        """Pair one-way records, and record which in the account."""
        if not self.pair_seconds:
            yield from parts
            return
        rows: list[I64] = []

        def told(flow: I64, answer: I64) -> None:
            of = np.concatenate(rows)
            account.partners.append(np.stack([of[answer], of[flow]], 1))

        pairer = Pairer(self.pair_seconds, tell=told)
        for flows in parts:
            if flows.one_way:
                rows.append(flows.rows)
            yield from pairer.push(flows)
        yield from pairer.flush()

    def _by_clock(self, parts: list[Flows]) -> Iterator[Flows]:
        """Yield the records of each clock window, regardless of row order."""
        parts = [stamped(part) for part in parts if len(part)]
        if not parts:
            return
        records = concat(parts)
        records = records.take(in_order(records))
        times, seconds = records.time_ms, self.window_seconds
        assert times is not None
        assert seconds is not None
        window = times // milliseconds(seconds)
        ends = np.append(np.flatnonzero(np.diff(window)) + 1, len(records))
        for start, stop in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
            yield records.slice(start, stop)

    def _windower(self) -> Windower:
        return Windower(self.graph_size, None if self.windows == CLOCK else self.window_seconds)


def stamped(flows: Flows) -> Flows:
    """Return the flows with ``NO_TIME`` where the start is missing (streams use a neighbour's)."""
    if flows.time_ms is None or columns.FLOW_START not in flows.table.column_names:
        return replace(flows, time_ms=np.full(len(flows), NO_TIME, np.int64))
    values, absent, misfit = numbers(flows.table[columns.FLOW_START])
    none = absent | misfit | (np.abs(values) > 2**53)
    return replace(flows, time_ms=np.where(none, NO_TIME, flows.time_ms)) if none.any() else flows


def in_order(flows: Flows) -> I64:
    """Sort rows by start, then by all attributes that scores depend on, int64 [E]: a canonical order."""
    time = np.zeros(len(flows), np.int64) if flows.time_ms is None else flows.time_ms
    order = np.argsort(time, kind="stable")
    same = time[order[1:]] == time[order[:-1]]
    at = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(at):
        # few flows start in the same millisecond: only those need sorting
        tied = flows.take(order[at])
        a, extra = tied.attributes, enriched_columns(tied.table)
        ends = tied.dst_lo, tied.dst_hi, tied.src_lo, tied.src_hi
        order[at] = order[at][np.lexsort((*extra.T, tied.duration_missing, *a.T, *ends, time[order[at]]))]
    return order
