"""Batches on a device, as they go from a reader to the stages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.frame import Flows, Position

if TYPE_CHECKING:
    from torch import Tensor


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


def uploaded(batch: FlowBatch, package: Any) -> DeviceBatch:
    """A batch of the host on the device."""
    import torch

    like = torch.empty(0, dtype=torch.int64, device="cuda" if torch.cuda.is_available() else "cpu")
    # metadata of the input does not describe this frame
    frame = package.DataFrame.from_arrow(batch.flows.table.replace_schema_metadata(None))
    return DeviceBatch(
        DeviceFrame(frame, columns_of(batch.flows, like), batch.flows.done),
        batch.bad,
        batch.bytes_read,
        batch.skipped,
        batch.preset,
        batch.noted,
        len(batch.flows) + len(batch.bad) + batch.skipped.total(),
    )


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


def columns_of(flows: Flows, like: Tensor) -> tuple[Tensor, ...]:
    """Columns of ``DeviceFrame`` of flows of the host, where another tensor is."""
    halves = (flows.src_hi, flows.src_lo, flows.dst_hi, flows.dst_lo)
    every: list[Any] = [half.view(np.int64) for half in halves]
    return tuple(sent(values, like) for values in (*every, flows.attributes, flows.duration_missing))


def sent(values: npt.NDArray[Any], like: Tensor) -> Tensor:
    """An array where another tensor is."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device)
