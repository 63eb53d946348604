"""Flow types: the mixture's start, by k-means and expectation-maximisation over binned attributes.

A flow type is a kind of traffic ("DNS look-up", "web page", "keep-alive"): a share of each pair's flows and
a distribution over bins of forward bytes, backward bytes given forward, duration given backward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from morpheus_gae.train.enriched import Extra
from morpheus_gae.train.spool import blocks, let_go

F32 = npt.NDArray[np.float32]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

PAIR_PRIOR = 5.0
TABLE_PRIOR = 3.0
CHUNK = 131_072


@dataclass(frozen=True)
class Shares:
    """How much of each flow is of each type, worked out for those that are asked about.

    Attributes
    ----------
    bins
        int16 [E, 3].
    pair
        int32 [E] pair of each flow.
    own
        float32 [Q, K] shares of each pair.
    tables, groups
        Probabilities, as ``FlowTypes`` has their logarithms; group of each bin of the first two columns.
    extra, table
        Enriched columns and the logarithms of their rows, if there are any.
    """

    bins: I16
    pair: I32
    own: Tensor
    tables: tuple[Tensor, Tensor, Tensor]
    groups: tuple[Tensor, Tensor]
    extra: Extra | None = None
    table: Tensor | None = None

    def __getitem__(self, rows: slice) -> F32:
        """float32 [n, K] of consecutive flows."""
        bins = torch.from_numpy(self.bins[rows].astype(np.int64))
        own = self.own[torch.from_numpy(self.pair[rows].astype(np.int64))]
        more = None
        if self.extra is not None and self.table is not None:
            more = self.extra.told(self.table, self.extra.rows_of(rows))
        out: F32 = _expected(bins, own, self.tables, self.groups, more).numpy()
        return out


@dataclass(frozen=True)
class FlowTypes:
    """Logarithms of the tables [B1, K], [G1, B2, K], [G2, B3, K]; responsibilities [E, K], by slice.

    ``extra`` are the tables of enriched columns, if there are any.
    """

    table1: Tensor
    table2: Tensor
    table3: Tensor
    responsibilities: F32 | Shares
    extra: list[Tensor] = field(default_factory=list)


def _expected(
    rows: Tensor,
    own: Tensor,
    tables: tuple[Tensor, Tensor, Tensor],
    groups: tuple[Tensor, Tensor],
    more: Tensor | None = None,
) -> Tensor:
    """Responsibilities of flows with these bins and shares of their pairs, and log likelihoods beside."""
    (t1, t2, t3), (g1, g2) = tables, groups
    like = own * t1[rows[:, 0]] * t2[g1[rows[:, 0]], rows[:, 1]] * t3[g2[rows[:, 1]], rows[:, 2]]
    if more is not None:
        return torch.softmax(like.clamp(min=1e-30).log() + more, 1)
    return like / like.sum(1, keepdim=True).clamp(min=1e-30)


def _smooth(counts: Tensor, sd: float = 2.0) -> Tensor:
    """Gaussian blur over the bins (dimension -2), so that a type lends mass to neighbouring sizes."""
    reach = torch.arange(-6, 7, dtype=counts.dtype)
    kernel = torch.exp(-0.5 * (reach / sd) ** 2)
    kernel = kernel / kernel.sum()
    flat = counts.transpose(-1, -2).reshape(-1, 1, counts.shape[-2])
    blurred = torch.nn.functional.conv1d(flat, kernel.view(1, 1, -1), padding=6)
    return blurred.reshape(*counts.shape[:-2], counts.shape[-1], counts.shape[-2]).transpose(-1, -2)


def _table(counts: Tensor, back_off: Tensor | None = None) -> Tensor:
    """Probabilities over dimension -2 from counts, with pseudo-counts toward a smoothed prior."""
    bins = counts.shape[-2]
    if back_off is None:
        own = _smooth(counts)
        own = own / own.sum(-2, keepdim=True).clamp(min=1e-9)
        everyone = counts.sum(-1, keepdim=True)
        everyone = everyone / everyone.sum(-2, keepdim=True).clamp(min=1e-9)
        prior = 0.5 * own + 0.25 * everyone + 0.25 / bins
    else:
        prior = back_off
    filled = counts + TABLE_PRIOR * prior
    return filled / filled.sum(-2, keepdim=True)


def _count(r: Tensor, index: Tensor, size: int) -> Tensor:
    return torch.zeros(size, r.shape[1]).index_add_(0, index, r)


def remembered_types(
    known: Shares, fitted: npt.NDArray[np.bool_], *, rounds: int = 5, sample: int = 1_000_000
) -> Shares:
    """Shares of the flows in types that are fitted already.

    Parameters
    ----------
    known
        The types, with flows of each pair that count beside the new ones in place of its shares.
    fitted, sample
        See ``fit_flow_types``.
    rounds
        Of expectation-maximisation over the pairs' shares.
    """
    past = known.own
    at = np.flatnonzero(fitted)
    at = at[:: max(at.shape[0] // sample, 1)].copy()
    mine = torch.from_numpy(known.pair[at].astype(np.int64))
    bins = torch.from_numpy(known.bins[at].astype(np.int64))
    rows = None if known.extra is None else known.extra.rows_of(at)
    let_go()
    share, counts = (past.sum(0) + 1) / (past.sum() + past.shape[1]), past
    r = torch.empty(at.shape[0], past.shape[1])
    for _ in range(rounds):
        own = (counts + PAIR_PRIOR * share) / (counts.sum(1, keepdim=True) + PAIR_PRIOR)
        for lo in range(0, at.shape[0], CHUNK):
            cut = slice(lo, lo + CHUNK)
            more = None
            if known.extra is not None and known.table is not None and rows is not None:
                more = known.extra.told(known.table, rows[cut])
            r[cut] = _expected(bins[cut], own[mine[cut]], known.tables, known.groups, more)
        counts, share = past + _count(r, mine, past.shape[0]), r.mean(0)
    own = (counts + PAIR_PRIOR * share) / (counts.sum(1, keepdim=True) + PAIR_PRIOR)
    return replace(known, own=own)


def fit_flow_types(
    f: F32,
    bins: I16,
    groups: tuple[I64, I64],
    sizes: tuple[int, int, int],
    pair: I32,
    pairs: int,
    k: int,
    *,
    fitted: npt.NDArray[np.bool_],
    seed: int,
    rounds: int = 25,
    sample: int = 1_000_000,
    tick: Callable[[], None] = lambda: None,
    extra: Extra | None = None,
) -> FlowTypes:
    """Fit the flow types.

    Parameters
    ----------
    f
        float32 [E, 4] edge features of the training flows.
    bins
        int16 [E, 3].
    groups
        Group of each bin of forward bytes, and of backward bytes.
    sizes
        Bins of each column.
    pair, pairs
        int32 [E] pair of each flow, and the number of pairs.
    k
        Number of types.
    fitted
        bool [E] flows that the tables are fitted to; the others only get their responsibilities.
    seed
        Of the k-means start.
    rounds
        Of expectation-maximisation.
    sample
        At most about so many flows that the rounds look at (evenly spaced); responsibilities are then
        worked out for all.
    tick
        Called once a round.
    extra
        Enriched columns of the flows, if the model reads them.
    """
    from sklearn.cluster import MiniBatchKMeans

    e = f.shape[0]
    at = np.flatnonzero(fitted)
    at = at[:: max(at.shape[0] // sample, 1)].copy()
    x = f[at, :3]
    # a smallest value tells "no answer" from small answers
    least = np.min([f[part, :3].min(0) for part in blocks(e)], axis=0)
    points = np.concatenate([x, 2.0 * (x <= least + 1e-6)], 1).astype(np.float32)
    if extra is not None:
        points = np.concatenate([points, extra.points(at)], 1)
    clusters = min(k, np.unique(points[:200_000], axis=0).shape[0])
    means = MiniBatchKMeans(clusters, random_state=seed, n_init=3, batch_size=4096).fit(points)
    r = torch.full((at.shape[0], k), 0.1 / k)
    r[torch.arange(at.shape[0]), torch.from_numpy(means.labels_.astype(np.int64))] += 0.9
    del points, means, x

    g1, g2 = (torch.from_numpy(g) for g in groups)
    n1, n2, n3 = sizes
    ng1, ng2 = int(g1.max()) + 1, int(g2.max()) + 1
    mine = torch.from_numpy(pair[at].astype(np.int64))
    bs = torch.from_numpy(bins[at].astype(np.int64))
    beside = None if extra is None else extra.rows_of(at)
    key2 = g1[bs[:, 0]] * n2 + bs[:, 1]
    key3 = g2[bs[:, 1]] * n3 + bs[:, 2]
    let_go()

    def maximise(r: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        t1 = _table(_count(r, bs[:, 0], n1))
        t2 = _table(_count(r, key2, ng1 * n2).view(ng1, n2, k), _table(_count(r, bs[:, 1], n2)))
        t3 = _table(_count(r, key3, ng2 * n3).view(ng2, n3, k), _table(_count(r, bs[:, 2], n3)))
        prior = PAIR_PRIOR * r.mean(0)
        # a pair that the sample missed has the shares of all
        counts = _count(r, mine, pairs)
        total = counts.sum(1, keepdim=True) + PAIR_PRIOR
        return (t1, t2, t3), counts.add_(prior).div_(total)

    for _ in range(rounds):
        tables, own = maximise(r)
        table = None if extra is None or beside is None else extra.maximise(r, beside)
        for lo in range(0, at.shape[0], CHUNK):
            cut = slice(lo, lo + CHUNK)
            more = None if table is None or beside is None else Extra.told(table, beside[cut])
            r[cut] = _expected(bs[cut], own[mine[cut]], tables, (g1, g2), more)
        tick()
    tables, own = maximise(r)
    t1, t2, t3 = tables
    table = None if extra is None or beside is None else extra.maximise(r, beside)
    shares = Shares(bins, pair, own, tables, (g1, g2), extra, table)
    everyone = r.numpy() if at.shape[0] == e else shares
    found = [] if extra is None or table is None else extra.tables(table)
    return FlowTypes(t1.log(), t2.log(), t3.log(), everyone, found)
