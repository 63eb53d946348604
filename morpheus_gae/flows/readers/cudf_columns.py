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
import pyarrow.parquet as pq

from morpheus_gae.flows import columns
from morpheus_gae.flows.addresses.kernels import V4_PREFIX
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.frame import Flows, Position

if TYPE_CHECKING:
    from torch import Tensor

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
    """What a reader gives at a time, as ``flows.exporters.convert.FlowBatch``, but on a device."""

    flows: DeviceFrame
    bad: list[BadRecord]
    bytes_read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    preset: str | None = None
    noted: Counter[str] = field(default_factory=Counter)


def frame_to_flows(
    frame: Any,
    package: Any,
    source: str,
    first_row: int = 0,
    *,
    preset: PresetLike = None,
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
    if not _is_plain(frame):
        return _by_the_host(frame, package, source, first_row, preset, bytes_read)
    usual, parts = _usual(frame)
    others = np.flatnonzero(~usual.cpu().numpy())
    if not len(others):
        return DeviceBatch(DeviceFrame(frame, parts), [], bytes_read)
    table = frame.iloc[others].to_arrow(preserve_index=False)
    batch = table_to_flows(table, source, rows=others + first_row, preset=preset)
    keep = usual.clone()
    at = _sent(batch.flows.rows - first_row, parts[0])
    keep[at] = True
    for column, values in zip(parts, _columns(batch.flows, parts[0]), strict=True):
        column[at] = values
    kept = np.flatnonzero(keep.cpu().numpy())
    if len(kept) < len(frame):
        frame, parts = frame.iloc[kept], tuple(column[keep] for column in parts)
    return DeviceBatch(DeviceFrame(frame, parts), batch.bad, bytes_read, noted=batch.noted)


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
    """Whether the columns are canonical, addresses text or numbers, and counters numbers."""
    names = list(frame.columns)
    if columns.missing(names):
        return False
    addresses = [n for n in columns.ADDRESSES if n in names]
    kinds = [str(frame[n].dtype) for n in columns.ATTRIBUTES]
    texts = all(str(frame[n].dtype) in ("object", "str", "string") for n in addresses)
    return texts and all(kind.startswith(("int", "uint", "float")) for kind in kinds)


def _by_the_host(
    frame: Any, package: Any, source: str, first_row: int, preset: PresetLike, bytes_read: int
) -> DeviceBatch:
    """Through the host: columns of an exporter, or of types that cuDF has no way to read."""
    import torch

    batch = table_to_flows(frame.to_arrow(preserve_index=False), source, first_row, preset=preset)
    out = package.DataFrame.from_arrow(batch.flows.table)
    out.index = frame.index.take(batch.flows.rows - first_row)
    like = torch.empty(0, dtype=torch.int64, device=_device())
    flows = DeviceFrame(out, _columns(batch.flows, like))
    return DeviceBatch(flows, batch.bad, bytes_read, batch.skipped, batch.preset, batch.noted)


def _usual(frame: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Which rows are usual, and the columns as they are for those."""
    import torch

    src_usual, src = _v4(frame, *columns.SRC_ADDRESSES)
    dst_usual, dst = _v4(frame, *columns.DST_ADDRESSES)
    values, absent = zip(*(_number(frame[name]) for name in columns.ATTRIBUTES), strict=True)
    attributes = torch.stack(values, 1)
    # a comparison with NaN is False
    # the host looks at counters that may be above 2**64 - 1
    fits = ((attributes >= 0) & (attributes < 2.0**64)).all(1) & ~absent[0] & ~absent[1]
    zero = torch.zeros_like(src)
    out = (zero, src, zero.clone(), dst, attributes.to(torch.float32), absent[2])
    return src_usual & dst_usual & fits, out


def _v4(frame: Any, v4: str, v6: str) -> tuple[Tensor, Tensor]:
    """Rows whose address is a dotted quad, and the low halves of all."""
    names = [n for n in (v4, v6) if n in frame.columns]
    text = frame[names[0]]
    quad = text.str.isipv4().fillna(False) & ~text.str.contains(LEADING_ZERO, regex=True).fillna(False)
    number = _tensor(text.str.ip2int().fillna(0).astype("int64"))
    usual = _tensor(quad.astype("int8")).bool()
    if len(names) == 2:
        # 0.0.0.0 says nothing then
        usual &= number != 0
    return usual, number | V4_PREFIX


def _number(series: Any) -> tuple[Tensor, Tensor]:
    """Values in float64 (0 where absent), and which are absent."""
    absent = _tensor(series.isnull().astype("int8")).bool()
    return _tensor(series.fillna(0).astype("float64")), absent


def _tensor(series: Any) -> Tensor:
    """A column without nulls as a tensor that shares its memory (DLPack), on the same stream."""
    import torch

    return torch.from_dlpack(series.values)


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
