"""Comparators: simple detectors that a model must outperform.

This file has the rules and the histogram, `learned` those that need a learning library. Each has
``fit(flows)`` for benign flows and ``score(flows)`` -> float32 [E], higher is more anomalous.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.memory import host_keys, pair_keys

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


class Comparator(Protocol):
    """Protocol: a detector without a graph."""

    def fit(self, flows: Flows) -> None:
        """Fit on benign flows."""
        ...

    def score(self, flows: Flows) -> F32:
        """Return float32 [E], higher is more anomalous."""
        ...


class Counted:
    """Counts of 64-bit keys."""

    def __init__(self, keys: U64) -> None:
        self.key, self.count = np.unique(keys, return_counts=True)

    def of(self, keys: U64) -> I64:
        """Return the count of each key, int64 [E]."""
        at = np.minimum(np.searchsorted(self.key, keys), self.key.shape[0] - 1)
        return np.where(self.key[at] == keys, self.count[at], 0)


class UnseenHost:
    """-log of the training frequency of the rarer of the two hosts, at either end of a flow."""

    def fit(self, flows: Flows) -> None:
        """Count the hosts."""
        self.hosts = Counted(np.concatenate(_host_keys(flows)))
        self.total = 2 * len(flows)

    def score(self, flows: Flows) -> F32:
        """Return -log((count + 1) / (total + 1)) of the rarer host."""
        src, dst = (self.hosts.of(key) for key in _host_keys(flows))
        return _rarity(np.minimum(src, dst), self.total)


class UnseenPair:
    """-log of the training frequency of the ordered pair of hosts."""

    def fit(self, flows: Flows) -> None:
        """Count the pairs."""
        self.pairs = Counted(pair_keys(*_host_keys(flows)))
        self.total = len(flows)

    def score(self, flows: Flows) -> F32:
        """Return -log((count + 1) / (total + 1)) of the pair."""
        return _rarity(self.pairs.of(pair_keys(*_host_keys(flows))), self.total)


class AttributeHistogram:
    """Sum over the three attributes of -log of the share of training flows in the same logarithmic bin."""

    BINS = 64

    def fit(self, flows: Flows) -> None:
        """Count the bins, with one below and one above the range for unseen values."""
        logs = np.log1p(flows.attributes)
        self.edges = [np.linspace(c.min(), c.max() + 1e-3, self.BINS + 1) for c in logs.T]
        self.surprise = []
        for column, bins in enumerate(self._bins(flows).T):
            count = np.bincount(bins, minlength=self.edges[column].shape[0] + 2) + 1.0
            self.surprise.append(-np.log(count / count.sum()))

    def score(self, flows: Flows) -> F32:
        """Return -log p, summed as for independent attributes."""
        bins = self._bins(flows)
        return np.sum([s[b] for s, b in zip(self.surprise, bins.T, strict=True)], axis=0).astype(np.float32)

    def _bins(self, flows: Flows) -> I64:
        logs = np.log1p(flows.attributes)
        bins = np.stack(
            [np.searchsorted(e, c, side="right") for e, c in zip(self.edges, logs.T, strict=True)], 1
        )
        # a missing duration is a separate bin, the last
        bins[flows.duration_missing, 2] = self.edges[2].shape[0] + 1
        return bins


def _host_keys(flows: Flows) -> tuple[U64, U64]:
    """Return 64-bit keys of source and destination, uint64 [E] each."""
    return host_keys(flows.src_hi, flows.src_lo, 0), host_keys(flows.dst_hi, flows.dst_lo, 0)


def _rarity(seen: I64, total: int) -> F32:
    return np.log((total + 1.0) / (seen + 1.0)).astype(np.float32)


def make(name: str, seed: int) -> Comparator:
    """Create a comparator by name.

    Raises
    ------
    MissingExtraError
        If it needs scikit-learn, which is not installed.
    """
    return COMPARATORS[name](seed)


def _forest(seed: int) -> Comparator:
    from morpheus_gae.evaluate.baselines.learned import Forest

    return Forest(seed)


def _autoencoder(octets: bool) -> Callable[[int], Comparator]:
    def build(seed: int) -> Comparator:
        from morpheus_gae.evaluate.baselines.learned import DenseAutoencoder

        return DenseAutoencoder(seed, octets=octets)

    return build


COMPARATORS: dict[str, Callable[[int], Comparator]] = {
    "unseen host": lambda seed: UnseenHost(),
    "unseen pair": lambda seed: UnseenPair(),
    "attribute histogram": lambda seed: AttributeHistogram(),
    "isolation forest": _forest,
    "dense autoencoder": _autoencoder(False),
    "dense autoencoder + octets": _autoencoder(True),
}
