"""Numbers for equal keys of 128 bits on a device: hosts from addresses, pairs from hosts."""

from __future__ import annotations

import secrets

import torch
from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import has_triton

SALT = secrets.randbits(63)
"""Of the hash table: nobody outside can choose addresses that share a slot."""
_INT32 = (1 << 31) - 1


def distinct_torch(hi: Tensor, lo: Tensor) -> tuple[Tensor, Tensor]:
    """Number the distinct keys by first appearance, by sorting.

    Parameters
    ----------
    hi, lo
        int64 [R], the two halves.

    Returns
    -------
    number
        int64 [R].
    first
        int64 [D]: row where each distinct key appears first, ascending.
    """
    rows = lo.shape[0]
    _, number = torch.unique(lo, return_inverse=True)
    # most often all addresses are IPv4, and the upper halves all 0
    upper, rank = torch.unique(hi, return_inverse=True)
    if upper.shape[0] > 1:
        _, number = torch.unique(rank * rows + number, return_inverse=True)
    count = int(number.max()) + 1 if rows else 0
    row = torch.arange(rows, device=lo.device)
    first = torch.full((count,), rows, dtype=torch.int64, device=lo.device)
    first = first.scatter_reduce_(0, number, row, "amin")
    first, order = torch.sort(first)
    place = torch.empty_like(order)
    place[order] = torch.arange(count, device=lo.device)
    return place[number], first


def distinct(hi: Tensor, lo: Tensor) -> tuple[Tensor, Tensor]:
    """`distinct_torch`, in a hash table where the kernel runs. Waits for the device: how many there are."""
    if has_triton(lo.device) and 0 < lo.shape[0] <= _INT32:
        from morpheus_gae.executors.cuda.triton import distinct as triton_distinct

        return triton_distinct.distinct(hi, lo, SALT)
    return distinct_torch(hi, lo)
