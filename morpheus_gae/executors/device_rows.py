"""Compressed rows on a device, and their long rows cut into parts: a hub must not be one program's work."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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
    """

    start: Tensor
    end: Tensor
    entry: Tensor
    degree: Tensor
    part_row: Tensor
    part_from: Tensor
    part_to: Tensor

    @property
    def count(self) -> int:
        """Number of rows, N."""
        return int(self.degree.shape[0])


def both_ways(pair_src: Tensor, pair_dst: Tensor, n: int) -> Rows:
    """Neighbours of each host in both directions, one for each ordered pair."""
    return rows_of(torch.cat([pair_src, pair_dst]), torch.cat([pair_dst, pair_src]), n)


def rows_of(start: Tensor, end: Tensor, n: int) -> Rows:
    """Compress.

    Parameters
    ----------
    start, end
        int64 [M] hosts.
    n
        Number of hosts.
    """
    m, device = end.shape[0], end.device
    # int32 keys sort in half the passes
    key, entry = torch.sort(end.to(torch.int32) if n < 1 << 31 else end, stable=True)
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
    return Rows(start[entry], end[entry], entry, degree, row, part_from, part_to)
