"""Sparse times dense on a device: sums over each host's neighbours."""

from __future__ import annotations

from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import has_triton
from morpheus_gae.executors.cuda.rows import Rows


def neighbour_sums_torch(x: Tensor, gate: Tensor | None, rows: Rows) -> Tensor:
    """Sum of the neighbours' rows, each times its gate.

    Parameters
    ----------
    x
        float32 [N, F].
    gate
        float32 [N], or None for ones.
    rows
        Neighbours (``start``) of each host (``end``).

    Returns
    -------
    float32 [N, F]
    """
    masked = x if gate is None else x * gate[:, None]
    out: Tensor = x.new_zeros(x.shape).index_add_(0, rows.end, masked[rows.start])
    return out


def neighbour_sums(x: Tensor, gate: Tensor | None, rows: Rows) -> Tensor:
    """`neighbour_sums_torch`, by the kernel where that runs."""
    if has_triton(x.device) and rows.part_row.shape[0]:
        from morpheus_gae.executors.cuda.triton import sums as triton_sums

        return triton_sums.neighbour_sums(x, gate, rows)
    return neighbour_sums_torch(x, gate, rows)
