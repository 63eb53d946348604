"""Compressed rows on a device, and their long rows cut into parts: a hub must not be one program's work."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import fuses

PART = 256
"""Entries of one part at most."""


@dataclass(frozen=True)
class Rows:
    """M entries, each ``start -> end``, sorted by ``end``; N rows in B parts.

    Attributes
    ----------
    start, end
        int64 [M] hosts, sorted by ``end``.
    entry
        int64 [M]: place of each among the unsorted entries.
    degree
        int64 [N] entries of each row.
    part_row
        int64 [B] row of each part; N for parts that are not needed. B is at most N + M / PART, and known
        without a look at the device.
    part_from, part_to
        int64 [B]: the part is the entries ``part_from:part_to``.
    part_stop
        int64 [N]: parts of this row and those before.
    """

    start: Tensor
    end: Tensor
    entry: Tensor
    degree: Tensor
    part_row: Tensor
    part_from: Tensor
    part_to: Tensor
    part_stop: Tensor

    @property
    def count(self) -> int:
        """Number of rows, N."""
        return int(self.degree.shape[0])


def both_ways(pair_src: Tensor, pair_dst: Tensor, n: int) -> Rows:
    """Neighbours of each host in both directions, one for each ordered pair."""
    return _rows(torch.cat([pair_dst, pair_src]), (pair_src, pair_dst), n)


def rows_of(start: Tensor, end: Tensor, n: int) -> Rows:
    """Compress.

    Parameters
    ----------
    start, end
        int64 [M] hosts.
    n
        Number of hosts.
    """
    return _rows(end, (start, start[:0]), n)


def _rows(end: Tensor, starts: tuple[Tensor, Tensor], n: int) -> Rows:
    # int32 keys sort in half the passes
    key, entry = torch.sort(end.to(torch.int32) if n < 1 << 31 else end, stable=True)
    if n and entry.shape[0] and fuses(end.device):
        from morpheus_gae.executors.cuda.triton import rows as triton_rows

        start, end, *rest = triton_rows.compressed(key, entry, starts, n, PART)
    else:
        start, end, *rest = compressed_torch(key, entry, starts, n)
    return Rows(start, end, entry, *rest)


def compressed_torch(key: Tensor, entry: Tensor, starts: tuple[Tensor, Tensor], n: int) -> tuple[Tensor, ...]:
    """Rows from sorted entries.

    Parameters
    ----------
    key
        int32 or int64 [M] ends, ascending.
    entry
        int64 [M]: place of each among the unsorted entries.
    starts
        Of the unsorted entries, in two pieces.
    n
        Number of hosts.

    Returns
    -------
    All of `Rows` but ``entry``.
    """
    m, device = key.shape[0], key.device
    bounds = torch.searchsorted(key, torch.arange(n + 1, device=device, dtype=key.dtype))
    degree = bounds[1:] - bounds[:-1]
    parts = (degree + PART - 1) // PART
    stop = torch.cumsum(parts, 0)
    item = torch.arange(min(n, m) + m // PART, device=device)
    row = torch.searchsorted(stop, item, right=True)
    # a row behind the last, empty, for parts that are not needed
    first = torch.cat([stop - parts, stop.new_zeros(1)])
    begin = torch.cat([bounds[:-1], bounds.new_zeros(1)])
    finish = torch.cat([bounds[1:], bounds.new_zeros(1)])
    part_from = torch.minimum(begin[row] + (item - first[row]) * PART, finish[row])
    part_to = torch.minimum(part_from + PART, finish[row])
    return torch.cat(starts)[entry], key.to(torch.int64), degree, row, part_from, part_to, stop
