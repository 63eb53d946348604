"""Enriched columns in training: their tables are fitted with the flow types (`model.enriched`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from morpheus_gae.flows.exporters.enriched import NAMES, enriched_columns
from morpheus_gae.model.enriched import GIVEN, KINDS, Enriched, Layout, fit_enriched
from morpheus_gae.train.spool import Spool, blocks

if TYPE_CHECKING:
    import pyarrow as pa

F32 = npt.NDArray[np.float32]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

PRIOR = 3.0
"""Flows that count for a table's row before any has been seen."""
SHOWN = 12
"""Most frequent codes of each column that the flow types' start looks at."""
WEIGHT = 1.5
"""Of such a code, beside standardised attributes."""


def spooled(table: pa.Table, spool: Spool) -> I32:
    """int32 [E, 7] as `flows.exporters.enriched.enriched_columns` has them, a block at a time, on disk."""
    out = spool.zeros((table.num_rows, len(NAMES)), np.int32)
    for part in blocks(table.num_rows):
        out[part] = enriched_columns(table.slice(part.start, part.stop - part.start))
    return out


class Extra:
    """Further columns of the training flows.

    Parameters
    ----------
    values
        int32 [E, 7], see `flows.exporters.enriched.enriched_columns`.
    bins
        int16 [E, 3] of bytes and duration.
    groups
        Group of each bin of bytes forward and back.
    spool
        Gets the rows.
    known
        The columns' codes, if they are fitted already.

    Attributes
    ----------
    known
        The columns' codes.
    rows
        int32 [E, 7] row of each flow and column, see `model.enriched.Layout`; on disk.
    """

    def __init__(
        self, values: I32, bins: I16, groups: tuple[I64, I64], spool: Spool, known: Enriched | None = None
    ) -> None:
        self.known: Enriched = fit_enriched(values, groups) if known is None else known
        self.layout: Layout = self.known.layout
        self.rows: I32 = spool.zeros(values.shape, np.int32)
        for part in blocks(values.shape[0]):
            self.rows[part] = self.known.rows(values[part], bins[part])

    def points(self, at: I64) -> F32:
        """Frequent codes of chosen flows as numbers, float32 [A, C]: where k-means begins."""
        out = [np.zeros((at.shape[0], 0), np.float32)]
        for i, count in enumerate(self.layout.counts):
            row = self.rows[at, i]
            code = np.where(row > 0, (row - self.layout.starts[i]) % count, count)
            frequent = np.argsort(-np.bincount(code, minlength=count)[:count], kind="stable")[:SHOWN]
            if count > 1:
                out.append(np.float32(WEIGHT) * (code[:, None] == frequent))
        return np.concatenate(out, 1).astype(np.float32)

    def rows_of(self, at: I64 | slice) -> Tensor:
        """int64 [A, 7] rows of chosen flows."""
        return torch.from_numpy(self.rows[at].astype(np.int64))

    def maximise(self, r: Tensor, rows: Tensor) -> Tensor:
        """Log probabilities [R, K] from responsibilities [A, K] of flows with these rows; row 0 is zeros."""
        k, parts = r.shape[1], [torch.zeros(1, r.shape[1])]
        for i, (groups, count) in enumerate(self.layout.shapes):
            index = rows[:, i] - self.layout.starts[i]
            there = index >= 0
            counts = torch.zeros(groups * count, k).index_add_(0, index[there], r[there])
            parts.append(_table(counts.view(groups, count, k), i).log().view(-1, k))
        return torch.cat(parts)

    @staticmethod
    def told(table: Tensor, rows: Tensor) -> Tensor:
        """[A, K] log likelihood of the columns of flows with these rows."""
        out = table[rows[:, 0]]
        for column in rows.unbind(1)[1:]:
            out += table[column]
        return out

    def tables(self, table: Tensor) -> list[Tensor]:
        """Each column's own [G, n, K]."""
        ends = [*self.layout.starts[1:], self.layout.rows]
        cut = zip(self.layout.starts, ends, self.layout.shapes, strict=True)
        return [table[lo:hi].view(*shape, -1) for lo, hi, shape in cut]


def _table(counts: Tensor, column: int) -> Tensor:
    """Probabilities over dimension 1 of counts [G, n, K], with pseudo-counts toward what is alike."""
    n = counts.shape[1]
    everyone = counts.sum((0, 2))
    everyone = (everyone / everyone.sum().clamp(min=1e-9)).view(1, n, 1)
    if GIVEN[column] is not None:
        # what the type does whatever the bytes
        own = counts.sum(0, keepdim=True) + PRIOR * (0.5 * everyone + 0.5 / n)
        prior = own / own.sum(1, keepdim=True)
    elif KINDS[column] == "bits" and n > 1:
        prior = 0.5 * _by_bits(counts) + 0.25 * everyone + 0.25 / n
    else:
        prior = 0.5 * everyone + 0.5 / n
    filled = counts + PRIOR * prior
    return filled / filled.sum(1, keepdim=True)


def _by_bits(counts: Tensor) -> Tensor:
    """What each type's codes would be if their bits were independent: a set never seen has bits that were."""
    code = torch.arange(counts.shape[1] - 1)
    bits = ((code[:, None] >> torch.arange(8)) & 1).to(counts.dtype)
    there = counts[:, 1:]
    total = counts.sum(1) + 1.0
    share = (torch.einsum("gnk,nb->gkb", there, bits) + 0.5) / (there.sum(1) + 1.0)[..., None]
    log = torch.einsum("nb,gkb->gnk", bits, share.log())
    log = log + torch.einsum("nb,gkb->gnk", 1 - bits, torch.log1p(-share))
    known = ((there.sum(1) + 0.5) / total)[:, None]
    return torch.cat([1 - known, known * log.exp()], 1)
