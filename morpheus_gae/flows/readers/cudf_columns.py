"""cuDF frames to the columns that a graph is built from, on the device.

The usual record (two IPv4 dotted quads, counters that are there) never leaves the device. Any other (IPv6,
spaces around an address, a null, no address at all) is copied to the host, which alone says what it is: so a
record is set aside here exactly if it would be there. ``str.ip2int`` gives 0 for what is no address, hence
``str.isipv4``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.kernels import V4_PREFIX
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout, choose, paths
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.frame import Flows, Position
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
class DeviceFrame:
    """E flows on a device.

    Attributes
    ----------
    frame
        cuDF frame of E rows: every input column.
    columns
        src_hi, src_lo, dst_hi, dst_lo (int64 [E], bits of uint64), attributes (float32 [E, 3]) and
        duration_missing (bool [E]), as tensors on the device; see ``flows.frame.Flows``.
    done
        See ``flows.frame.Flows``.
    """

    frame: Any
    columns: tuple[Tensor, ...]
    done: tuple[Position, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def duration_missing(self) -> Tensor:
        """Bool [E]: the record had no duration."""
        return self.columns[5]

    def slice(self, start: int, stop: int) -> DeviceFrame:
        """Rows ``start:stop``."""
        cut = slice(start, stop)
        done = self.done if stop >= len(self) else ()
        return DeviceFrame(self.frame.iloc[cut], tuple(column[cut] for column in self.columns), done)


@dataclass(frozen=True)
class DeviceBatch:
    """What a reader gives at a time, as ``flows.exporters.convert.FlowBatch``, but on a device.

    Attributes
    ----------
    by_host
        Records that the host has read.
    """

    flows: DeviceFrame
    bad: list[BadRecord]
    bytes_read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    preset: str | None = None
    noted: Counter[str] = field(default_factory=Counter)
    by_host: int = 0


def frame_to_flows(
    frame: Any,
    package: Any,
    source: str,
    first_row: int = 0,
    *,
    preset: Layout | PresetLike = None,
    bytes_read: int = 0,
) -> DeviceBatch:
    """Convert a frame.

    Parameters
    ----------
    frame
        cuDF frame of E records; its index stays with the rows.
    package
        ``cudf``.
    source, first_row, preset, bytes_read
        As for ``flows.exporters.convert.table_to_flows``.

    Raises
    ------
    InputError
        If a required column is missing.
    """
    layout = preset if isinstance(preset, Layout) else choose(_names(frame), preset)
    rows = np.arange(first_row, first_row + len(frame), dtype=np.int64)
    try:
        judged = judge(frame, layout, package)
        if not len(judged.others):
            return judged.batch(bytes_read)
        asked = np.sort(np.concatenate([judged.others, judged.witness()]))
        table = frame.iloc[asked].to_arrow(preserve_index=False)
        batch = table_to_flows(table, source, rows=rows[asked], preset=layout or preset)
        return judged.joined(batch, rows, package, bytes_read)
    except UnusualError:
        return _by_the_host(frame, package, source, first_row, layout or preset, bytes_read)


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

    def joined(self, batch: FlowBatch, rows: I64, package: Any, bytes_read: int) -> DeviceBatch:
        """The batch, with what the host made of the other rows.

        Parameters
        ----------
        batch
            Of the host.
        rows
            int64 [E]: position of each record in its source.
        package, bytes_read
            As for ``frame_to_flows``.

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
            bad = np.searchsorted(rows, [record.row for record in batch.bad])
            left = np.setdiff1d(self.others, np.concatenate([at, bad]).astype(np.int64))
            out = self.out.clone()
            out[_sent(left, self.out)] = True
            self._columns_stay(out)
        kept = np.flatnonzero(usual)
        order = np.argsort(np.concatenate([kept, at]), kind="stable")
        like = self.parts[0]
        new = [
            torch.cat([part[self.usual], values])[_sent(order, like)]
            for part, values in zip(self.parts, _columns(read, like), strict=True)
        ]
        frame = self.frame.iloc[kept]
        table = _fitted(read.table, self.frame.iloc[:0].to_arrow(preserve_index=False).schema)
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


def judge(frame: Any, layout: Layout | None, package: Any) -> Judged:
    """Read what is usual in a frame.

    Parameters
    ----------
    frame, layout, package
        As for ``cudf_exporters.apply_layout``; no layout: the columns are canonical.

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
    others = np.flatnonzero(~(usual | out).cpu().numpy())
    skipped = Counter[str]() if applied is None else applied.skipped
    return Judged(frame, whole, parts, usual, out, others, skipped, layout.preset.name if layout else None)


def _names(frame: Any) -> list[str]:
    """Names of the columns, and of the fields inside them."""
    if any(str(frame[name].dtype).lower().startswith(("struct", "list")) for name in frame.columns):
        return paths(frame.iloc[:0].to_arrow(preserve_index=False).schema)
    return list(frame.columns)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of the host with the columns of a frame.

    Raises
    ------
    UnusualError
        If they are not the same, or not of the same types.
    """
    if set(table.column_names) != set(schema.names):
        raise UnusualError
    columns_ = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        column = table[name]
        if column.type != kind and _known(column.type) != _known(kind) and not pa.types.is_null(column.type):
            raise UnusualError
        columns_.append(column.cast(kind))
    return pa.table(columns_, schema=schema)


def _known(kind: Any) -> Any:
    """A type, all kinds of text alike."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) else kind


def parquet_frames(path: str, package: Any, batch_rows: int) -> Iterator[tuple[Any, int]]:
    """Frames of a Parquet file, decoded on the device: whole row groups, until a batch is full.

    Yields
    ------
    (frame, bytes)
        A frame, and its share of the bytes of the file.
    """
    with pq.ParquetFile(path) as file:
        # of a damaged footer not even the columns' sizes may be asked for, see ``parquet_footer``
        rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    size, total = os.path.getsize(path), max(sum(rows), 1)
    taken: list[int] = []
    done = 0
    for i in range(len(rows)):
        taken.append(i)
        count = sum(rows[k] for k in taken)
        if count >= batch_rows or i == len(rows) - 1:
            frame = package.read_parquet(path, row_groups=[taken], use_pandas_metadata=False)
            yield frame, size * (done + count) // total - size * done // total
            done += count
            taken = []


def concat_frames(parts: list[DeviceFrame], package: Any) -> DeviceFrame:
    """Join frames in order; ``parts`` is not empty."""
    import torch

    if len(parts) == 1:
        return parts[0]
    return DeviceFrame(
        package.concat([part.frame for part in parts]),
        tuple(torch.cat(some) for some in zip(*(part.columns for part in parts), strict=True)),
        parts[-1].done,
    )


def _is_plain(frame: Any) -> bool:
    """Whether the columns are canonical, addresses text or whole numbers, and counters numbers."""
    names = list(frame.columns)
    if columns.missing(names):
        return False
    addresses = [n for n in columns.ADDRESSES if n in names]
    texts = all(is_text(frame[n]) or is_whole(frame[n]) for n in addresses)
    return texts and all(is_number(frame[n]) for n in columns.ATTRIBUTES)


def _by_the_host(
    frame: Any, package: Any, source: str, first_row: int, preset: Layout | PresetLike, bytes_read: int
) -> DeviceBatch:
    """Through the host: columns of an exporter, or of types that cuDF has no way to read."""
    import torch

    batch = table_to_flows(frame.to_arrow(preserve_index=False), source, first_row, preset=preset)
    out = package.DataFrame.from_arrow(batch.flows.table)
    out.index = frame.index.take(batch.flows.rows - first_row)
    like = torch.empty(0, dtype=torch.int64, device=_device())
    flows = DeviceFrame(out, _columns(batch.flows, like))
    return DeviceBatch(flows, batch.bad, bytes_read, batch.skipped, batch.preset, batch.noted, len(frame))


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


def _columns(flows: Flows, like: Tensor) -> tuple[Tensor, ...]:
    halves = (flows.src_hi, flows.src_lo, flows.dst_hi, flows.dst_lo)
    every: list[Any] = [half.view(np.int64) for half in halves]
    return tuple(_sent(values, like) for values in (*every, flows.attributes, flows.duration_missing))


def _sent(values: npt.NDArray[Any], like: Tensor) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
