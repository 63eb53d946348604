"""What is normal: means of evidence by entity and of those alike, from benign windows (for `train.evidence`).

For each pair and source what it has shown; for those alike (known pairs, sources) their mean, and how far
entities differ from it beyond chance; for new pairs how much they show at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.evidence import MOST_NEW, ONE, STEEPEST, UPTO, Evidence, Pooled, pool

Array = npt.NDArray[Any]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

PAST_FLOWS, PAST_PAIRS = 20.0, 5.0
"""Flows, and pairs, that what is alike counts for in what is expected of an entity."""
CAPPED = 20
"""Flows that a pair counts for, at most, in the mean of those alike."""
DOUBT = 3.0
"""Times that an entity must differ more than benign ones do before half of its excess counts."""
WEIGHTS = (0.5, 1e4)
RARE = 3.5
"""Nats. Of the new pairs of benign windows, those less rare add nothing: 97 of 100."""
KNOTS = 64


@dataclass(frozen=True)
class Seen:
    """What one window shows.

    Attributes
    ----------
    fold
        Of the time.
    rows
        int64 [E] its flows among all training flows.
    graph
        Of them.
    pair, host
        int64 [P], [N] rows in memory, -1 where unknown.
    known
        int64 [P] likewise, -1 also for pairs that only this fold put into memory.
    """

    fold: int
    rows: I64
    graph: WindowGraph
    pair: I64
    host: I64
    known: I64


@dataclass(frozen=True)
class Shown:
    """Number and sum of messages by entity and fold: float64 [FOLDS, Q or H] each."""

    number: F64
    total: F64

    def add(self, fold: int, row: I64, number: I64, total: I64) -> None:
        """Messages of one window; ``row`` is -1 for those that memory does not know."""
        there = row >= 0
        self.number[fold] += np.bincount(row[there], number[there], self.number.shape[1])
        self.total[fold] += np.bincount(row[there], total[there] / ONE, self.total.shape[1])

    def expected(self, alike: float, weight: float, without: int | None) -> F32:
        """float32 mean of each entity over the folds but one, shrunk to those alike."""
        n, s = self.number.sum(0), self.total.sum(0)
        if without is not None:
            n, s = n - self.number[without], np.maximum(s - self.total[without], 0)
        out: F32 = np.clip((s + weight * alike) / (n + weight), 0, UPTO).astype(np.float32)
        return out


class Normal:
    """What windows show, and the model of it.

    Parameters
    ----------
    seen
        Windows.
    surprise
        float32 [E] of all training flows.
    pairs, hosts
        Q and H of memory.
    """

    def __init__(self, seen: Sequence[Seen], surprise: F32, pairs: int, hosts: int) -> None:
        folds = max((s.fold for s in seen), default=0) + 1
        self.pairs = Shown(np.zeros((folds, pairs)), np.zeros((folds, pairs)))
        self.sources = Shown(np.zeros((folds, hosts)), np.zeros((folds, hosts)))
        got = [pool(surprise[s.rows], s.graph.pair, s.graph.pair_src, s.host.shape[0]) for s in seen]
        for s, g in zip(seen, got, strict=True):
            self.pairs.add(s.fold, s.pair, g.count, g.total)
            self.sources.add(s.fold, s.host, g.pairs, g.received)
        self.window = max((s.rows.shape[0] for s in seen), default=1)
        count, total = _joined([g.count for g in got]), _joined([g.total / ONE for g in got])
        known = _joined([s.known >= 0 for s in seen]) > 0
        share = np.minimum(count, CAPPED) / np.maximum(count, 1)
        overall = (share * total).sum() / max((share * count).sum(), 1)
        of_known = (share * total)[known].sum() + PAST_PAIRS * overall
        self.alike = float(of_known / ((share * count)[known].sum() + PAST_PAIRS))
        means = _joined([g.mean / ONE for g in got])
        self.unknown = float(means.mean()) if means.size else 0.0
        self.curve = curve(total[~known])
        of_pairs, of_sources = [np.zeros((3, 0))], [np.zeros((3, 0))]
        for k in range(folds):
            # once a fold: what is expected takes as much room as memory
            model = self.model(k, 1.0, 1.0)
            for s, g in ((s, g) for s, g in zip(seen, got, strict=True) if s.fold == k):
                of_pairs.append(_among_pairs(s, g, model.pair))
                of_sources.append(_among_sources(s, g, model))
        self.weights = weight(*np.concatenate(of_pairs, 1)), weight(*np.concatenate(of_sources, 1))

    def model(self, without: int | None, *weights: float) -> Evidence:
        """The model, of all folds but one."""
        flows, pairs = weights or self.weights
        return Evidence(
            pair=self.pairs.expected(self.alike, PAST_FLOWS, without),
            source=self.sources.expected(self.unknown, PAST_PAIRS, without),
            unknown=self.unknown,
            flows=flows,
            pairs=pairs,
            window=float(self.window),
            new_x=self.curve[0],
            new_y=self.curve[1],
        )


def _among_pairs(s: Seen, got: Pooled, past: F32) -> F64:
    """float64 [3, K] flows of each known pair, their mean over its past, and their variance."""
    mean = got.total / ONE / got.count
    square = np.bincount(s.graph.pair, (got.own / ONE) ** 2, got.count.shape[0]) / got.count
    excess = mean - past[np.maximum(s.known, 0)]
    return np.stack([got.count, excess, square - mean**2])[:, s.known >= 0]


def _among_sources(s: Seen, got: Pooled, model: Evidence) -> F64:
    """float64 [3, K] pairs of each source, the mean of their means over its past, and their variance."""
    number = np.maximum(got.pairs, 1)
    mean = got.received / ONE / number
    square = np.bincount(s.graph.pair_src, (got.mean / ONE) ** 2, number.shape[0]) / number
    excess = mean - np.where(s.host < 0, model.unknown, model.source[np.maximum(s.host, 0)])
    return np.stack([number, excess, square - mean**2])[:, got.pairs > 0]


def _joined(parts: list[Array]) -> F64:
    return np.concatenate([np.zeros(0), *parts])


def weight(number: F64, excess: F64, within: F64) -> float:
    """Weight of the past: variance of one message over that of entities' means beyond chance, times DOUBT.

    Parameters
    ----------
    number
        Messages of each entity in one window.
    excess
        Their mean over what was expected.
    within
        Their variance.
    """
    several = number > 1
    if not several.any():
        return WEIGHTS[1]
    one = (within * number)[several].sum() / (number - 1)[several].sum()
    counts = np.minimum(number, 50)
    between = ((excess**2 - one / number) * counts).sum() / counts.sum()
    return float(np.clip(DOUBT * one / max(between, 1e-6), *WEIGHTS))


def curve(sums: F64) -> tuple[F32, F32]:
    """Knots of nats by the evidence of a new pair: how few of those in benign windows had as much.

    Parameters
    ----------
    sums
        Evidence of all flows of each new pair, nats: a pair counts once, however many flows it has.
    """
    s = np.sort(np.asarray(sums, np.float64))
    n = s.shape[0]
    # a level is passed where (pairs with as much + 1) / (n + 1) falls below it; n pairs cannot show every one
    level = np.linspace(0, MOST_NEW, KNOTS)
    fewer = (n + 1) * np.exp(-(level + RARE)) - 1
    level = level[fewer >= 0]
    if level.size < 2:
        return np.array([0, 1], np.float32), np.zeros(2, np.float32)
    x = s[n - np.floor(fewer[fewer >= 0]).astype(np.int64).clip(1, n)]
    # half as steep as allowed where many pairs have the same, so that float32 has room to round
    steps = 2 * level / STEEPEST
    x32 = (np.maximum.accumulate(x - steps) + steps).astype(np.float32)
    keep = np.concatenate([[True], np.diff(x32) > 0])
    return x32[keep], level[keep].astype(np.float32)
