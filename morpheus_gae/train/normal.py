"""What is normal: means of evidence by entity and of those alike, from benign windows (for `train.evidence`).

For each pair and source what it has shown; for those alike (known pairs, sources) their mean, and how far
entities differ from it beyond chance; for new pairs how much they show at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.evidence import MOST_NEW, ONE, STEEPEST, UPTO, Evidence, Pooled, pool
from morpheus_gae.train.parent import Shown as Before

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
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
        int32 [E] its flows among all training flows.
    pair_of, pair_src
        int32 [E] pair of each flow, int32 [P] source of each pair, in the window.
    pair, host
        int32 [P], [N] rows in memory, -1 where unknown.
    known
        bool [P]: in memory, and not only because of this fold.
    """

    fold: int
    rows: I32
    pair_of: I32
    pair_src: I32
    pair: I32
    host: I32
    known: Bool


@dataclass(frozen=True)
class Shown:
    """Number and sum of messages by entity and fold: float64 [FOLDS, Q or H] each."""

    number: F64
    total: F64

    def add(self, fold: int, row: I32, number: I64, total: I64) -> None:
        """Messages of one window; ``row`` is -1 for those that memory does not know."""
        there = row >= 0
        # touches the window's rows, not all there are
        np.add.at(self.number[fold], row[there], number[there])
        np.add.at(self.total[fold], row[there], total[there] / ONE)

    def expected(self, alike: float | F32, weight: float, without: int | None) -> F32:
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
    before
        What entities have shown before counts for them as what those alike show does for others.
    """

    def __init__(
        self, seen: Sequence[Seen], surprise: F32, pairs: int, hosts: int, before: Before | None = None
    ) -> None:
        self.before = before
        folds = max((s.fold for s in seen), default=0) + 1
        self.pairs = Shown(np.zeros((folds, pairs)), np.zeros((folds, pairs)))
        self.sources = Shown(np.zeros((folds, hosts)), np.zeros((folds, hosts)))
        # sums, window by window: a hundred million flows make tens of millions of pairs in windows
        number = mean = 0.0
        every, of_known = np.zeros(2), np.zeros(2)
        fresh = [np.zeros(0)]
        for s in seen:
            got = _pooled(s, surprise)
            self.pairs.add(s.fold, s.pair, got.count, got.total)
            self.sources.add(s.fold, s.host, got.pairs, got.received)
            total = got.total / ONE
            number, mean = number + got.mean.shape[0], mean + float((got.mean / ONE).sum())
            fresh.append(total[~s.known])
            counts = np.minimum(got.count, CAPPED).astype(np.float64)
            part = np.stack([total * counts / np.maximum(got.count, 1), counts])
            every += part.sum(1)
            of_known += part[:, s.known].sum(1)
        self.window = max((s.rows.shape[0] for s in seen), default=1)
        self.unknown = mean / number if number else 0.0
        self.curve = curve(np.concatenate(fresh))
        overall = every[0] / max(every[1], 1)
        self.alike = float((of_known[0] + PAST_PAIRS * overall) / (of_known[1] + PAST_PAIRS))
        of_pairs, of_sources = Spread(), Spread()
        for k in range(folds):
            # once a fold: what is expected takes as much room as memory
            model = self.model(k, 1.0, 1.0)
            for s in (s for s in seen if s.fold == k):
                got = _pooled(s, surprise)
                of_pairs.add(*_among_pairs(s, got, model.pair))
                of_sources.add(*_among_sources(s, got, model))
        self.weights = of_pairs.weight(), of_sources.weight()

    def model(self, without: int | None, *weights: float) -> Evidence:
        """The model, of all folds but one."""
        flows, pairs = weights or self.weights
        pair: float | F32 = self.alike
        source: float | F32 = self.unknown
        if self.before is not None:
            pair = np.where(np.isnan(self.before.pair), np.float32(pair), self.before.pair)
            source = np.where(np.isnan(self.before.source), np.float32(source), self.before.source)
        return Evidence(
            pair=self.pairs.expected(pair, PAST_FLOWS, without),
            source=self.sources.expected(source, PAST_PAIRS, without),
            unknown=self.unknown,
            flows=flows,
            pairs=pairs,
            window=float(self.window),
            new_x=self.curve[0],
            new_y=self.curve[1],
        )


def _pooled(s: Seen, surprise: F32) -> Pooled:
    return pool(surprise[s.rows], s.pair_of, s.pair_src, s.host.shape[0])


def _among_pairs(s: Seen, got: Pooled, past: F32) -> F64:
    """float64 [3, K] flows of each known pair, their mean over its past, and their variance."""
    mean = got.total / ONE / got.count
    square = np.bincount(s.pair_of, (got.own / ONE) ** 2, got.count.shape[0]) / got.count
    excess = mean - past[np.maximum(s.pair, 0)]
    return np.stack([got.count, excess, square - mean**2])[:, s.known]


def _among_sources(s: Seen, got: Pooled, model: Evidence) -> F64:
    """float64 [3, K] pairs of each source, the mean of their means over its past, and their variance."""
    number = np.maximum(got.pairs, 1)
    mean = got.received / ONE / number
    square = np.bincount(s.pair_src, (got.mean / ONE) ** 2, number.shape[0]) / number
    excess = mean - np.where(s.host < 0, model.unknown, model.source[np.maximum(s.host, 0)])
    return np.stack([number, excess, square - mean**2])[:, got.pairs > 0]


class Spread:
    """How much messages of one entity differ from each other, and means of entities beyond that."""

    def __init__(self) -> None:
        self.within = np.zeros(2)
        self.between = np.zeros(3)

    def add(self, number: F64, excess: F64, within: F64) -> None:
        """Take a window in.

        Parameters
        ----------
        number
            Messages of each entity.
        excess
            Their mean over what was expected.
        within
            Their variance.
        """
        several = number > 1
        self.within += (within * number)[several].sum(), (number - 1)[several].sum()
        counts = np.minimum(number, 50)
        self.between += (excess**2 * counts).sum(), (counts / number).sum(), counts.sum()

    def weight(self) -> float:
        """Weight of the past: variance of one message over that of means beyond chance, times DOUBT."""
        if not self.within[1]:
            return WEIGHTS[1]
        one = self.within[0] / self.within[1]
        beyond, inverse, counts = self.between
        between = (beyond - one * inverse) / counts
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
