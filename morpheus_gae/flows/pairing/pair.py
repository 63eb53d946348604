"""Pairing: the two records that one-way exporters make of one conversation, joined to one flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.frame import Flows, Position, concat
from morpheus_gae.flows.pairing.kernels import (
    ALONE,
    HEAD,
    JOINED,
    NO_START,
    TAIL,
    WAITING,
    give_up,
    oldest,
    pair,
    waiting,
)
from morpheus_gae.flows.span import neighbours
from morpheus_gae.flows.tables.numbers import numbers

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]

PAIR_SECONDS = 60.0
MAX_WAITING = 1 << 19
"""Records that wait for a partner at most; then the oldest goes out without one."""
SPARE_ROWS = 65_536
MOST_PARTS = 64

WITH_PORTS = (6, 17, 33, 132, 136)
"""TCP, UDP, DCCP, SCTP, UDP-Lite. Of others, such as ICMP with its types, the ports tell no conversation."""
_NO_PROTOCOL = 0xFFFF
"""In place of one that is not told: the ports count then."""
_LONGEST = float(1 << 53)
"""Milliseconds beyond which one flow ends as late as another."""


@dataclass(frozen=True)
class _Part:
    """Rows that are held: their numbers (int64 [E], rising), what they are, and their durations (float64)."""

    refs: I64
    flows: Flows
    lengths: F64


class Pairer:
    """Joins one-way records to flows, in one pass and with bounded memory.

    Two records are partners if their addresses, ports and protocol are the same with the ends exchanged, and
    their starts are at most ``seconds`` apart; of several the nearest start counts, then the earliest record.
    The one with the earlier start is the initiator's, else the one from the higher port, else the first. Its
    columns make the flow; the bytes and packets of the other are what came back.

    A record waits until the stream's own time (the latest end seen) has moved on by ``seconds``. Records with
    bytes back are flows already. What is given out, and in which order, depends on the records alone, not on
    the batches they come in.

    Parameters
    ----------
    seconds
        See above; 60 by default.
    max_waiting
        Records that may wait.
    tell
        Called with the numbers of the two records of each joined flow, int64 [F] and [F]: that of the flow
        first. Records are numbered from 0 as they come, bad ones left out.

    Attributes
    ----------
    paired
        Flows made of two records.
    unpaired
        One-way records that went out alone.

    Raises
    ------
    ValueError
        If ``seconds`` is not above 0 or ``max_waiting`` is below 1.
    """

    def __init__(
        self,
        seconds: float = PAIR_SECONDS,
        max_waiting: int = MAX_WAITING,
        tell: Callable[[I64, I64], None] | None = None,
    ) -> None:
        if not 0 < seconds < 1e9 or max_waiting < 1:
            raise ValueError(f"seconds ({seconds}) and max_waiting ({max_waiting}) must be above 0")
        self.limit = max(1, round(seconds * 1000))
        self.paired = 0
        self.unpaired = 0
        self._size = max_waiting
        self._tell = tell
        self._state = np.zeros(5, np.int64)
        self._arrays: tuple[U64, I64, I64, I32] | None = None
        self._parts: list[_Part] = []
        self._next = 0
        self._done: list[tuple[int, tuple[Position, ...]]] = []

    @property
    def waiting(self) -> int:
        """Records that wait for a partner."""
        return int(self._state[WAITING])

    @property
    def last(self) -> int:
        """Number of the record that comes next, for ``flush``."""
        return self._next

    def push(self, flows: Flows) -> list[Flows]:
        """Add a batch; the flows that are complete now, at most one batch of them."""
        if not flows.one_way and not self.waiting:
            return [flows]
        first, e = self._next, len(flows)
        self._next += e
        if flows.done:
            self._done.append((self._next, flows.done))
        if not flows.one_way:
            return self._released(replace(flows, offsets=None))
        if not e:
            return self._released(flows)
        lengths = np.where(flows.duration_missing, 0.0, _lengths(flows))
        starts = _starts(flows)
        slots, slot_times, links, heads = self._table()
        out = np.empty((e + self.waiting, 3), np.int64)
        count = pair(
            _keys(flows),
            starts,
            np.where(starts == NO_START, 0, starts) + np.minimum(lengths, _LONGEST).astype(np.int64),
            flows.attributes[:, 1] == 0,
            first,
            self.limit,
            slots,
            slot_times,
            links,
            heads,
            self._state,
            out,
        )
        self._parts.append(_Part(np.arange(first, first + e), flows, lengths))
        given = self._released(self._flows(out[:count]) if count else _none_of(flows))
        self._forget()
        return given

    def flush(self, until: int | None = None) -> list[Flows]:
        """Give out what waits, without partners; of records before number ``until`` only, if given."""
        if not self.waiting:
            return []
        _, slot_times, links, heads = self._table()
        out = np.empty((self.waiting, 3), np.int64)
        count = give_up(self._next if until is None else until, slot_times, links, heads, self._state, out)
        given = self._released(self._flows(out[:count])) if count else []
        self._forget()
        return given

    def _table(self) -> tuple[U64, I64, I64, I32]:
        if self._arrays is None:
            size = self._size
            buckets = 1 << max(4, (2 * size - 1).bit_length())
            # untouched memory costs nothing
            self._arrays = (
                np.empty((size, 5), np.uint64),
                np.empty((size, 3), np.int64),
                np.empty((size, 3), np.int64),
                np.zeros(buckets, np.int32),
            )
        return self._arrays

    def _released(self, flows: Flows) -> list[Flows]:
        """The flows with the positions before which nothing waits any more; none if that is nothing."""
        first = self._next
        if self.waiting:
            _, slot_times, links, _ = self._table()
            first = int(oldest(slot_times, links, self._state))
        ready: dict[tuple[str, int], Position] = {}
        while self._done and self._done[0][0] <= first:
            ready.update({(d.source, d.partition): d for d in self._done.pop(0)[1]})
        done = tuple(ready.values())
        return [replace(flows, done=done, one_way=False)] if len(flows) or done else []

    def _flows(self, out: I64) -> Flows:
        """What goes out, with the bytes of partners in it."""
        joined = out[:, 2] == JOINED
        self.paired += int(joined.sum())
        self.unpaired += int((out[:, 2] == ALONE).sum())
        if self._tell is not None:
            self._tell(out[joined, 0], out[joined, 1])
        flows, lengths = self._rows(out[:, 0])
        others, other_lengths = self._rows(out[joined, 1], (c.IN_BYTES, c.IN_PKTS, c.FLOW_START))
        attributes, missing = flows.attributes.copy(), flows.duration_missing.copy()
        attributes[joined, 1] = others.attributes[:, 0]
        missing[joined] &= others.duration_missing
        starts, other_starts = _starts(flows), _starts(others)
        both = (starts[joined] != NO_START) & (other_starts != NO_START)
        # both count from the initiator's start
        later = np.where(both, other_starts, 0) - np.where(both, starts[joined], 0)
        other_lengths = other_lengths + later
        flows = _started(
            flows,
            np.flatnonzero(joined)[starts[joined] == NO_START],
            other_starts[starts[joined] == NO_START],
        )
        lengths[joined] = np.maximum(lengths[joined], other_lengths)
        attributes[:, 2] = np.where(missing, 0, lengths)
        table = flows.table
        for name, source in ((c.OUT_BYTES, c.IN_BYTES), (c.OUT_PKTS, c.IN_PKTS)):
            if source in table.column_names:
                table = _set(table, name, _replaced(table, name, joined, others.table, source))
        told = pa.array(lengths, mask=missing)
        table = _set(table, c.DURATION, told)
        return replace(
            flows, table=table, attributes=attributes, duration_missing=missing, offsets=None, one_way=False
        )

    def _rows(self, refs: I64, names: tuple[str, ...] | None = None) -> tuple[Flows, F64]:
        """Rows by their numbers, in that order, with their durations; of all columns or of some."""
        part_of = np.searchsorted([part.refs[0] for part in self._parts], refs, "right") - 1
        order = np.argsort(part_of, kind="stable")
        found, lengths = [], []
        for p in np.unique(part_of).tolist() or [0]:
            part = self._parts[p]
            at = np.searchsorted(part.refs, refs[order][part_of[order] == p])
            flows = part.flows
            if names is not None:
                kept = [n for n in names if n in flows.table.column_names]
                flows = replace(flows, table=flows.table.select(kept))
            found.append(replace(flows.take(at), done=()))
            lengths.append(part.lengths[at])
        rows, length = concat(found), np.concatenate(lengths)
        if len(found) == 1:
            return rows, length
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return rows.take(back), length[back]

    def _forget(self) -> None:
        """Drop rows that nobody waits for; make one part of many small ones."""
        if not self.waiting:
            self._parts = []
            return
        _, slot_times, links, _ = self._table()
        held = sum(len(part.refs) for part in self._parts)
        if held <= 2 * self.waiting + SPARE_ROWS and len(self._parts) <= MOST_PARTS:
            return
        refs = np.empty(self._state[TAIL] - self._state[HEAD], np.int64)
        refs = refs[: waiting(slot_times, links, self._state, refs)].copy()
        flows, lengths = self._rows(refs)
        self._parts = [_Part(refs, flows, lengths)]


def paired(batches: Iterable[FlowBatch], pairer: Pairer) -> Iterator[FlowBatch]:
    """What a reader gives, with the one-way records in it joined."""
    last: FlowBatch | None = None
    for batch in batches:
        last = replace(
            batch, flows=batch.flows.slice(0, 0), bad=[], bytes_read=0, skipped=Counter(), noted=Counter()
        )
        given = pairer.push(batch.flows) or [last.flows]
        yield replace(batch, flows=given[0])
    if last is not None:
        for flows in pairer.flush():
            yield replace(last, flows=flows)


def _starts(flows: Flows) -> I64:
    """Starts in milliseconds, int64 [E]; ``NO_START`` where the record tells none."""
    if flows.time_ms is None:
        return np.full(len(flows), NO_START, np.int64)
    if c.FLOW_START not in flows.table.column_names:
        return flows.time_ms
    _, absent, misfit = numbers(flows.table[c.FLOW_START])
    return np.where(absent | misfit, NO_START, flows.time_ms)


def _started(flows: Flows, at: I64, starts: I64) -> Flows:
    """The flows with starts in some rows, as far as those are known."""
    at, starts = at[starts != NO_START], starts[starts != NO_START]
    if not len(at):
        return flows
    times = np.zeros(len(flows), np.int64) if flows.time_ms is None else flows.time_ms.copy()
    times[at] = starts
    there = np.zeros(len(flows), bool)
    there[at] = True
    if flows.time_ms is None:
        times = neighbours(times, ~there)
    table, told = flows.table, pa.array(times, mask=~there)
    if c.FLOW_START in table.column_names:
        own = table[c.FLOW_START]
        if not pa.types.is_integer(own.type):
            # times of other types would not be told in milliseconds
            values, absent, misfit = numbers(own)
            own = pa.chunked_array([pa.array(values.astype(np.int64), mask=absent | misfit)])
        told = pc.if_else(pa.array(there), told if pa.types.is_null(own.type) else told.cast(own.type), own)
    return replace(flows, table=_set(table, c.FLOW_START, told), time_ms=times)


def _none_of(flows: Flows) -> Flows:
    return replace(flows.slice(0, 0), offsets=None)


def _lengths(flows: Flows) -> F64:
    """Durations in milliseconds, as exact as the table has them."""
    if c.DURATION not in flows.table.column_names:
        return flows.attributes[:, 2].astype(np.float64)
    return numbers(flows.table[c.DURATION])[0]


def _keys(flows: Flows) -> U64:
    table, e = flows.table, len(flows)
    protocol = _small(table, c.PROTOCOL, _NO_PROTOCOL, e)
    with_ports = np.isin(protocol, (*WITH_PORTS, _NO_PROTOCOL))
    sport = np.where(with_ports, _small(table, c.SRC_PORT, 0, e), 0)
    dport = np.where(with_ports, _small(table, c.DST_PORT, 0, e), 0)
    ports = (sport << 32) | (dport << 16) | protocol
    return np.stack([flows.src_hi, flows.src_lo, flows.dst_hi, flows.dst_lo, ports.astype(np.uint64)], 1)


def _small(table: pa.Table, name: str, otherwise: int, rows: int) -> I64:
    """A column of numbers of 16 bits; ``otherwise`` for what is none."""
    if name not in table.column_names:
        return np.full(rows, otherwise, np.int64)
    values, absent, misfit = numbers(table[name])
    fits = ~(absent | misfit) & (values >= 0) & (values < 65_536)
    return np.where(fits, values, otherwise).astype(np.int64)


def _replaced(
    table: pa.Table, name: str, joined: npt.NDArray[np.bool_], others: pa.Table, source: str
) -> pa.Array:
    """A column with the partners' values where there is one; 0 where nobody told any."""
    own = table[name] if name in table.column_names else pa.chunked_array([pa.nulls(len(joined))])
    told = others[source] if source in others.column_names else pa.chunked_array([pa.nulls(len(others))])
    whole = all(_is_whole(t.type) for t in (own, told))
    out, back = (_counts(t) if whole else _amounts(t) for t in (own, told))
    out[joined] = back
    return pa.array(out)


def _is_whole(kind: Any) -> bool:
    """Whether int64 holds all values of a type."""
    return bool(pa.types.is_null(kind) or (pa.types.is_integer(kind) and kind != pa.uint64()))


def _counts(column: pa.ChunkedArray) -> I64:
    return np.asarray(pc.fill_null(column.cast(pa.int64(), safe=False), 0)).astype(np.int64)


def _amounts(column: pa.ChunkedArray) -> F64:
    """A column of any type as numbers; 0 for what is none."""
    values, absent, misfit = numbers(column)
    return np.where(absent | misfit, 0.0, values)


def _set(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
