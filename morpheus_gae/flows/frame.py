"""Flows: one batch of well-formed flow records, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.span import neighbours

if TYPE_CHECKING:
    import pyarrow as pa

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


class Position(NamedTuple):
    """How far a source was read: everything of ``partition`` before ``offset``.

    Attributes
    ----------
    source
        Topic, or path of a file.
    partition
        Of the topic; for a file its number among the inputs.
    offset
        Of the next message, or the number of the file's next record.
    """

    source: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Flows:
    """A batch of E well-formed flows in input order.

    Attributes
    ----------
    table
        ``pyarrow.Table`` of E rows: every input column, extra ones too, untouched.
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E]: the 128-bit addresses. IPv4 is held as its IPv4-mapped IPv6 address
        (RFC 4291, 2.5.5.2): ``hi = 0``, ``lo = 0xFFFF_0000_0000 | v4``.
    attributes
        float32 [E, 3]: forward bytes, backward bytes, duration in milliseconds (0 where missing).
    duration_missing
        bool [E]: the record had no duration.
    rows
        int64 [E]: position of the record in its source, counting bad records too, from 0.
    time_ms
        int64 [E] start of the flow, milliseconds since the epoch; that of the flow before it where the record
        tells none (its row in ``table`` then has none either); None if no record of the batch tells one.
    offsets
        int64 [E] offset of the message, or number of the record, that each flow came in; None if nobody
        will ask how far the source was delivered.
    done
        Positions that are reached once these flows, and all before them, are delivered.
    one_way
        Whether each record tells one direction only: the bytes back, if any, are in a record of their own.
    """

    table: pa.Table
    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    attributes: F32
    duration_missing: Bool
    rows: I64
    time_ms: I64 | None = None
    offsets: I64 | None = None
    done: tuple[Position, ...] = ()
    one_way: bool = False

    def __len__(self) -> int:
        return int(self.src_lo.shape[0])

    def slice(self, start: int, stop: int) -> Flows:
        """Rows ``start:stop`` as views; nothing is copied."""
        cut = slice(start, stop)
        return Flows(
            table=self.table.slice(start, stop - start),
            src_hi=self.src_hi[cut],
            src_lo=self.src_lo[cut],
            dst_hi=self.dst_hi[cut],
            dst_lo=self.dst_lo[cut],
            attributes=self.attributes[cut],
            duration_missing=self.duration_missing[cut],
            rows=self.rows[cut],
            time_ms=None if self.time_ms is None else self.time_ms[cut],
            offsets=None if self.offsets is None else self.offsets[cut],
            done=self._done(stop),
            one_way=self.one_way,
        )

    def _done(self, stop: int) -> tuple[Position, ...]:
        """What is reached with the rows before ``stop``: a message that is cut in two is not."""
        if stop >= len(self):
            return self.done
        if self.offsets is None or len(self.done) != 1:
            return ()
        return (self.done[0]._replace(offset=int(self.offsets[stop])),)

    def take(self, index: npt.NDArray[Any]) -> Flows:
        """Rows by integer position or boolean mask; copies. ``done`` stays: the other rows are done with."""
        index = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return Flows(
            table=self.table.take(index),
            src_hi=self.src_hi[index],
            src_lo=self.src_lo[index],
            dst_hi=self.dst_hi[index],
            dst_lo=self.dst_lo[index],
            attributes=self.attributes[index],
            duration_missing=self.duration_missing[index],
            rows=self.rows[index],
            time_ms=None if self.time_ms is None else self.time_ms[index],
            offsets=None if self.offsets is None else self.offsets[index],
            done=self.done,
            one_way=self.one_way,
        )


def concat(parts: list[Flows]) -> Flows:
    """Join batches in order.

    Columns that a part lacks are filled with nulls; columns whose types have nothing in common become text.
    Flows of a part without times have that of the flow before them, see ``span.neighbours``.

    Raises
    ------
    ValueError
        If ``parts`` is empty.
    """
    from morpheus_gae.flows.tables.concat import stack

    if not parts:
        raise ValueError("nothing to join: no batch of flows was given")
    if len(parts) == 1:
        return parts[0]
    # a batch of bad records alone says nothing about the others
    full = [p for p in parts if len(p)]
    with_offsets = [p.offsets for p in full if p.offsets is not None]
    # the later position of a partition includes the earlier one
    done = {(d.source, d.partition): d for p in parts for d in p.done}
    return Flows(
        table=stack([p.table for p in parts]),
        src_hi=np.concatenate([p.src_hi for p in parts]),
        src_lo=np.concatenate([p.src_lo for p in parts]),
        dst_hi=np.concatenate([p.dst_hi for p in parts]),
        dst_lo=np.concatenate([p.dst_lo for p in parts]),
        attributes=np.concatenate([p.attributes for p in parts]),
        duration_missing=np.concatenate([p.duration_missing for p in parts]),
        rows=np.concatenate([p.rows for p in parts]),
        time_ms=_times(full),
        offsets=np.concatenate(with_offsets) if full and len(with_offsets) == len(full) else None,
        done=tuple(done.values()),
        one_way=any(p.one_way for p in parts),
    )


def _times(parts: list[Flows]) -> I64 | None:
    """Start of each flow of all parts, or None if no part tells any."""
    told = [np.full(len(part), part.time_ms is not None) for part in parts]
    if not any(part.time_ms is not None for part in parts):
        return None
    times = [np.zeros(len(part), np.int64) if part.time_ms is None else part.time_ms for part in parts]
    if all(part.time_ms is not None for part in parts):
        return np.concatenate(times)
    return neighbours(np.concatenate(times), ~np.concatenate(told))
