"""Rows of a cuDF frame: which are usual, and what becomes of them with those that the host has read.

The usual record (two IPv4 dotted quads or numbers, counters that are there) never leaves the device. Any
other (IPv6, spaces around an address, a null, no address at all) is copied to the host, which alone says what
it is: so a record is set aside here exactly if it would be there. ``str.ip2int`` gives 0 for what is no
address, hence ``str.isipv4``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.kernels import V4_PREFIX
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.exporters.layout import Layout
from morpheus_gae.flows.readers.cudf_batch import DeviceBatch, DeviceFrame, columns_of, sent
from morpheus_gae.flows.readers.cudf_exporters import apply_layout, kept_columns
from morpheus_gae.flows.readers.cudf_values import (
    UnusualError,
    absent,
    is_number,
    is_text,
    is_whole,
    numbers,
    tensor,
)

if TYPE_CHECKING:
    from torch import Tensor

I64 = npt.NDArray[np.int64]

LEADING_ZERO = r"^0[0-9]|\.0[0-9]"
"""Octets that the host refuses, and cuDF takes."""


@dataclass(frozen=True)
class Judged:
    """A frame of which the device has read what is usual.

    Attributes
    ----------
    given, frame
        cuDF frames of E records: as it came, and with the canonical columns that an exporter's are.
    parts
        Columns of ``DeviceFrame``, right in the usual rows.
    usual, out
        bool [E]: rows that are flows, and records that are none; the host says what the others are.
    others
        int64: numbers of these.
    skipped
        Of ``DeviceBatch``.
    preset
        Name of the layout's preset.
    """

    given: Any
    frame: Any
    parts: tuple[Tensor, ...]
    usual: Tensor
    out: Tensor
    others: I64
    skipped: Counter[str] = field(default_factory=Counter)
    preset: str | None = None

    def batch(self, bytes_read: int) -> DeviceBatch:
        """The batch, where the host need not look at any row."""
        flows = DeviceFrame(self.frame, self.parts)
        if bool(self.out.any()):
            self._columns_stay(self.out)
            kept = np.flatnonzero(self.usual.cpu().numpy())
            flows = DeviceFrame(self.frame.iloc[kept], tuple(part[self.usual] for part in self.parts))
        return DeviceBatch(flows, [], bytes_read, self.skipped, self.preset)

    def witness(self) -> I64:
        """A usual row with a time, if an exporter's has become a column.

        The host makes that column only of a table in which there is a time, and tells of it in the records
        that it sets aside.
        """
        if self.frame is self.given or columns.FLOW_START not in self.frame.columns:
            return self.others[:0]
        timed = (self.usual & ~absent(self.frame[columns.FLOW_START])).cpu().numpy()
        return np.flatnonzero(timed)[:1]

    def joined(
        self, batch: FlowBatch, rows: I64, package: Any, bytes_read: int, exact: bool = True
    ) -> DeviceBatch:
        """The batch, with what the host made of the other rows.

        Parameters
        ----------
        batch
            Of the host.
        rows
            int64 [E]: position of each record in its source.
        package, bytes_read
            As for ``frame_to_flows``.
        exact
            Whether the host's rows must have every column.

        Raises
        ------
        UnusualError
            If the host's columns are of other types.
        """
        import torch

        read = batch.flows
        usual = self.usual.cpu().numpy()
        at = np.searchsorted(rows, read.rows)
        if usual[at].any():
            read, at = read.take(~usual[at]), at[~usual[at]]
        if batch.skipped or bool(self.out.any()):
            told = np.array([*batch.flows.rows, *(record.row for record in batch.bad)], np.int64)
            out = self.out.clone()
            out[sent(self.others[~np.isin(rows[self.others], told)], self.out)] = True
            self._columns_stay(out)
        kept = np.flatnonzero(usual)
        order = np.argsort(np.concatenate([kept, at]), kind="stable")
        like = self.parts[0]
        new = [
            torch.cat([part[self.usual], values])[sent(order, like)]
            for part, values in zip(self.parts, columns_of(read, like), strict=True)
        ]
        frame = self.frame.iloc[kept]
        schema = self.frame.iloc[:0].to_arrow(preserve_index=False).schema
        if exact or len(at):
            table = _fitted(read.table, schema, exact)
        if len(at):
            beside = package.DataFrame.from_arrow(table)
            beside.index = self.frame.index.take(at)
            frame = package.concat([frame, beside]).iloc[order]
        skipped = self.skipped + batch.skipped
        flows = DeviceFrame(frame, tuple(new))
        return DeviceBatch(flows, batch.bad, bytes_read, skipped, self.preset, batch.noted, len(self.others))

    def _columns_stay(self, out: Tensor) -> None:
        """The host drops columns that only records that are no flows had, and may then read others."""
        if not kept_columns(self.given, out):
            raise UnusualError


def judge(frame: Any, layout: Layout | None, package: Any, odd: Tensor | None = None) -> Judged:
    """Read what is usual in a frame.

    Parameters
    ----------
    frame, layout, package
        As for ``cudf_exporters.apply_layout``; no layout: the columns are canonical.
    odd
        bool [E]: rows of which the frame does not hold everything; none if None.

    Raises
    ------
    UnusualError
        If only the host reads such columns.
    """
    if not len(frame):
        raise UnusualError
    applied = None if layout is None else apply_layout(frame, layout, package)
    whole = frame if applied is None else applied.frame
    if not _is_plain(whole):
        raise UnusualError
    usual, parts = _usual(whole)
    out = usual & False
    if applied is not None:
        usual, out = usual & ~applied.odd & ~applied.out, applied.out
    if odd is not None:
        usual = usual & ~odd
        if bool(odd.any()) and bool(out.any()):
            # whether they are left out may be seen from what is missing
            raise UnusualError
    others = np.flatnonzero(~(usual | out).cpu().numpy())
    skipped = Counter[str]() if applied is None else applied.skipped
    return Judged(frame, whole, parts, usual, out, others, skipped, layout.preset.name if layout else None)


def _fitted(table: pa.Table, schema: pa.Schema, exact: bool) -> pa.Table:
    """Rows of the host with the columns of a frame.

    Raises
    ------
    UnusualError
        If they are not the same, or not of the same types.
    """
    here, there = set(table.column_names), set(schema.names)
    if here - there or (exact and there - here):
        raise UnusualError
    columns_ = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        column = table[name] if name in here else pa.nulls(len(table))
        if column.type != kind and _known(column.type) != _known(kind) and not pa.types.is_null(column.type):
            raise UnusualError
        columns_.append(column.cast(kind))
    return pa.table(columns_, schema=schema)


def _known(kind: Any) -> Any:
    """A type, all kinds of text alike."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) else kind


def _is_plain(frame: Any) -> bool:
    """Whether the columns are canonical, addresses text or whole numbers, and counters numbers."""
    names = list(frame.columns)
    if columns.missing(names):
        return False
    addresses = [n for n in columns.ADDRESSES if n in names]
    texts = all(is_text(frame[n]) or is_whole(frame[n]) for n in addresses)
    return texts and all(is_number(frame[n]) for n in columns.ATTRIBUTES)


def _usual(frame: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Which rows are usual, and the columns as they are for those."""
    import torch

    src_usual, src = _v4(frame, *columns.SRC_ADDRESSES)
    dst_usual, dst = _v4(frame, *columns.DST_ADDRESSES)
    found = [numbers(frame[name]) for name in columns.ATTRIBUTES]
    attributes = torch.stack([each.values.double() for each in found], 1)
    # the host looks at counters that may be above 2**64 - 1
    fits = ((attributes >= 0) & (attributes < 2.0**64)).all(1) & ~found[0].absent & ~found[1].absent
    fits &= ~(found[0].misfit | found[1].misfit | found[2].misfit)
    zero = torch.zeros_like(src)
    out = (zero, src, zero.clone(), dst, attributes.to(torch.float32), found[2].absent)
    return src_usual & dst_usual & fits, out


def _v4(frame: Any, v4: str, v6: str) -> tuple[Tensor, Tensor]:
    """Rows whose address is a dotted quad, and the low halves of all."""
    names = [n for n in (v4, v6) if n in frame.columns]
    text = frame[names[0]]
    if is_whole(text):
        found = numbers(text)
        usual, number = ~found.absent & (found.values >= 0) & (found.values < 2**32), found.values
        return usual & (number != 0) if len(names) == 2 else usual, number | V4_PREFIX
    quad = text.str.isipv4().fillna(False) & ~text.str.contains(LEADING_ZERO, regex=True).fillna(False)
    number = tensor(text.str.ip2int().fillna(0).astype("int64"))
    usual = tensor(quad.astype("int8")).bool()
    if len(names) == 2:
        # 0.0.0.0 says nothing then
        usual &= number != 0
    return usual, number | V4_PREFIX
