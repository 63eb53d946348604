"""The plan of attack: campaigns laid out over the run before the first flow is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from morpheus_gae.errors import UsageError
from morpheus_gae.simulate.network.services import SERVICE_ID, SERVICES, TCP
from morpheus_gae.simulate.rng import stream_seed
from morpheus_gae.simulate.traffic.attacks import ATTACKS, Campaign, Stage, play
from morpheus_gae.simulate.traffic.benign import Benign
from morpheus_gae.simulate.traffic.drift import Drift
from morpheus_gae.simulate.traffic.stream import Stream, join

_NO_COVER = ("camera_stream", "probe", "backup")
LONG_MS = (2 * 3_600_000, 14 * 86_400_000)
"""Shortest and longest of the long campaigns."""
_SURE = 20.0
"""Expected flows from which on a habit is taken to be in use in the run."""


def attack_names(attacks: str | Sequence[str]) -> list[str]:
    """Names of attack classes from ``"all"``, ``"none"``, a comma-separated text or a sequence.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    given = [a.strip() for a in attacks.split(",")] if isinstance(attacks, str) else list(attacks)
    if given == ["all"]:
        return list(ATTACKS)
    if given in (["none"], [""], []):
        return []
    unknown = [a for a in given if a not in ATTACKS]
    if unknown:
        raise UsageError(f"unknown attack {unknown[0]!r}: choose all, none, or from {', '.join(ATTACKS)}")
    return [a for a in ATTACKS if a in given]


def plan(
    names: list[str], flows: int, start_ms: int, end_ms: int, seed: int, *, long: bool = False
) -> list[Campaign]:
    """Share out ``flows`` attack flows over classes and campaigns, in order of their start.

    Every class has at least one flow if there are as many flows as classes. With ``long``, campaigns last
    from two hours to two weeks in place of minutes, as far as the run lasts.
    """
    if flows == 0 or not names:
        return []
    share = np.array([ATTACKS[n].share for n in names])
    counts = np.floor(flows * share / share.sum()).astype(np.int64)
    counts = np.maximum(counts, 1 if flows >= len(names) else 0)
    largest = np.argsort(-counts, kind="stable")
    for i in range(abs(int(flows - counts.sum()))):  # at most as many steps as classes
        counts[largest[i % len(names)]] += 1 if flows > counts.sum() else -1
    campaigns: list[Campaign] = []
    length = end_ms - start_ms
    for code, (name, count) in enumerate(zip(names, counts.tolist(), strict=True)):
        if count == 0:
            continue
        rng = np.random.Generator(np.random.PCG64(stream_seed(seed, 40, list(ATTACKS).index(name))))
        number = max(1, round(count / ATTACKS[name].flows))
        cuts = np.cumsum(0.4 + rng.random(number))
        sizes = np.diff(np.concatenate([[0], np.floor(cuts / cuts[-1] * count + 0.5)])).astype(np.int64)
        for index, size in enumerate(sizes.tolist()):
            lasts = ATTACKS[name].minutes * 60_000.0 * (0.5 + rng.random())
            if long:
                lasts = float(np.exp(rng.uniform(*np.log(LONG_MS))))
            lasts = min(lasts, 0.8 * length)
            begins = start_ms + int(rng.random() * (length - lasts))
            if size:
                campaign_seed = stream_seed(seed, 41, code, index)
                campaigns.append(Campaign(name, begins, max(1, int(lasts)), size, campaign_seed))
    return sorted(campaigns, key=lambda c: (c.start_ms, c.attack, c.seed))


def covers(benign: Benign, drift: Drift | None = None) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Habits of inside hosts that are surely in use: int32 [N, 3] of source, destination and service."""
    src, dst, service, expected = benign.regular_habits()
    if drift is not None:
        expected = np.where(drift.stays(src, dst, service, benign.start_ms), expected, 0.0)
    allowed = np.array(
        [(s.protocol == TCP or n == "dns") and n not in _NO_COVER for n, s in SERVICES.items()], np.bool_
    )
    own = np.zeros(expected.size, np.bool_)
    network = benign.network
    limit6 = len(network.v4)
    host = np.where(src >= limit6, src - limit6, src)
    own |= host < network.inside
    fits = np.flatnonzero(allowed[service] & own)
    sure = fits[expected[fits] >= _SURE]
    is_dns = service[fits] == SERVICE_ID["dns"]
    if sure.size < 32:  # a short run: its most used habits
        parts = [f[np.argsort(-expected[f], kind="stable")[:8]] for f in (fits[is_dns], fits[~is_dns])]
        sure = np.concatenate(parts)
    return np.stack([src[sure], dst[sure], service[sure]], axis=1).astype(np.int32)


class Attacks:
    """The attack flows of a run, drawn campaign by campaign as time goes by."""

    def __init__(self, campaigns: list[Campaign], stage: Stage | None, start_ms: int, end_ms: int) -> None:
        self._waiting: Iterator[Campaign] = iter(campaigns)
        self._next = next(self._waiting, None)
        self._stage, self._start_ms, self._end_ms = stage, start_ms, end_ms
        self._active: list[Stream] = []

    def until(self, time_ms: int) -> list[Stream]:
        """Flows not yet handed out that begin before ``time_ms``, one stream for each campaign."""
        while self._next is not None and self._next.start_ms < time_ms:
            assert self._stage is not None
            self._active.append(play(self._next, self._stage, self._start_ms, self._end_ms))
            self._next = next(self._waiting, None)
        ready, rest = [], []
        for stream in self._active:
            cut = int(np.searchsorted(stream.time_ms, time_ms))
            if cut:
                ready.append(stream.take(slice(0, cut)))
            if cut < stream.time_ms.size:
                rest.append(stream.take(slice(cut, None)))
        self._active = rest
        return ready


def mixed(benign: Benign, attacks: Attacks, drift: Drift | None = None) -> Iterator[Stream]:
    """Benign and attack flows of each block in one time order, on a network that may change meanwhile."""
    for block, (end_ms, stream) in enumerate(benign.blocks()):
        ready = attacks.until(end_ms)
        own = stream if drift is None else drift.benign(stream, stream_seed(benign.seed, 65, block))
        both = join([own, *ready]) if ready else own
        yield both if drift is None else drift.addressed(both)
