"""Campaigns: groups attack flows, and splits attackers into two disjoint sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.evaluate.data.chains import goes_on, meanwhile
from morpheus_gae.evaluate.data.streams import RUN
from morpheus_gae.flows.exporters.enriched import enriched_columns
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.memory import host_keys, pair_keys

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

SOURCE_GAP_MS, TARGET_GAP_MS = 86_400_000, 600_000
"""Maximum gap in a campaign between flows of one source and class, and of sources at one destination."""
GAP_ROWS = 1000


def campaigns(attacks: Flows, kind: I32, *, timed: bool) -> I64:
    """Return the campaign of each attack flow.

    Parameters
    ----------
    attacks
        A attack flows.
    kind
        int32 [A] class of each.
    timed
        Whether to use start times. A campaign then is a connected component of flows of one class that share
        a source and are at most a day apart, or a destination and at most ten minutes; and a host that is
        reached, and begins within a day, goes on with the campaign that reached it last. A campaign that
        spreads so has the flows of its class to the same service as well, while it lasts and ten minutes
        around: the flow that reached a host may be missing. Without times a campaign is a run of at most 50
        flows of one class and source, with gaps of at most 1,000 records: files without times are sorted by
        class, and would be a few endless campaigns.

    Returns
    -------
    int64 [A]
        Numbers from 0.
    """
    n = len(attacks)
    if not n:
        return np.zeros(0, np.int64)
    # sources and targets in one numbering, apart by class
    host = _numbered(np.concatenate(_keys(attacks)))
    host += np.tile(kind.astype(np.int64), 2) * (int(host.max(initial=0)) + 1)
    source, target = host[:n], host[n:]
    if not timed or attacks.time_ms is None:
        return _numbered(_sessions(source, attacks.rows, GAP_ROWS, RUN))
    time = attacks.time_ms
    session = _sessions(source, time, SOURCE_GAP_MS)
    began, by = goes_on(source, target, session, time, SOURCE_GAP_MS)
    found = _components([session, _sessions(target, time, TARGET_GAP_MS)], began, by)
    spreads = np.isin(found, found[began])
    together = meanwhile(_services(attacks, kind), time, found, spreads, TARGET_GAP_MS)
    return _numbered(_components([found, together], began, by))


def _components(groups: Sequence[I64], one: I64, other: I64) -> I64:
    """Return a number per flow, int64 [A], the same for all that groups and pairs of flows link."""
    n = groups[0].shape[0]
    label = np.arange(n)
    while True:
        before = label.copy()
        # propagate the lowest number through all links, one step per iteration
        for of in groups:
            low = np.full(int(of.max(initial=-1)) + 1, n)
            np.minimum.at(low, of, label)
            label = low[of]
        low = np.minimum(label[one], label[other])
        np.minimum.at(label, one, low)
        np.minimum.at(label, other, low)
        if np.array_equal(before, label):
            return label


def _services(flows: Flows, kind: I32) -> I64:
    """int64 [A] service of each flow, apart by class; -1 where unknown."""
    port, protocol = enriched_columns(flows.table)[:, :2].astype(np.int64).T
    service = _numbered(np.stack([port, protocol, kind.astype(np.int64)], 1))
    return np.where(port < 0, -1, service)


@dataclass(frozen=True)
class Sides:
    """Attack flows split into two sides.

    Attributes
    ----------
    hidden
        bool [A]: flows of campaigns that may be hidden in training.
    tested
        bool [A]: flows that share neither a source nor a pair of hosts, in either direction, with any of
        ``hidden``; no flow where there is one attacker only.
    """

    hidden: Bool
    tested: Bool


def sides(attacks: Flows, campaign: I64, seed: int) -> Sides:
    """Split attackers into two sides of about equal numbers of flows, keeping each attacker's campaigns
    together.

    The attacker of a campaign is its most frequent source.
    """
    source_key, target_key = _keys(attacks)
    source = _numbered(source_key)
    attacker = _most_frequent(campaign, source)
    flows = np.bincount(attacker[campaign], minlength=int(source.max(initial=-1)) + 1)
    chosen: list[int] = []
    hidden_flows = tested_flows = 0
    present = np.flatnonzero(flows)
    for who in np.random.default_rng([seed, 8]).permutation(present).tolist():
        if hidden_flows + flows[who] <= tested_flows:
            chosen.append(who)
            hidden_flows += int(flows[who])
        else:
            tested_flows += int(flows[who])
    if not chosen:
        # a single attacker: hidden and tested flows can only be of the same one
        everything = np.ones(len(attacks), np.bool_)
        return Sides(everything, ~everything)
    hidden = np.isin(attacker[campaign], chosen)
    either = pair_keys(np.minimum(source_key, target_key), np.maximum(source_key, target_key))
    shared = np.isin(source_key, source_key[hidden]) | np.isin(either, either[hidden])
    return Sides(hidden, ~hidden & ~shared)


def draw(campaign: I64, among: Bool, wanted: int, seed: int) -> tuple[Bool, bool]:
    """Draw whole campaigns at random, with at most ``wanted`` flows in total.

    Parameters
    ----------
    campaign
        int64 [A].
    among
        bool [A]: flows whose campaigns are candidates.
    wanted
        Flows.
    seed
        Seed of the order.

    Returns
    -------
    chosen
        bool [A].
    cut
        Whether the smallest campaign was truncated, since whole ones give less than half of the wanted flows.
    """
    number, size = np.unique(campaign[among], return_counts=True)
    order = np.random.default_rng([seed, 9]).permutation(number.shape[0])
    taken: list[int] = []
    total = 0
    for i in order.tolist():
        if total + size[i] <= wanted:
            taken.append(i)
            total += int(size[i])
    chosen = among & np.isin(campaign, number[taken])
    rest = np.setdiff1d(np.arange(number.shape[0]), taken)
    if 2 * total >= wanted or not rest.shape[0]:
        return chosen, False
    least = number[rest[np.argmin(size[rest])]]
    chosen[np.flatnonzero(among & (campaign == least))[: wanted - total]] = True
    return chosen, True


def _keys(flows: Flows) -> tuple[U64, U64]:
    return host_keys(flows.src_hi, flows.src_lo, 0), host_keys(flows.dst_hi, flows.dst_lo, 0)


def _numbered(values: npt.NDArray[np.generic]) -> I64:
    """int64 [A], the same for equal values or rows, from 0."""
    return np.unique(values, axis=0, return_inverse=True)[1].astype(np.int64).reshape(-1)


def _sessions(key: I64, at: I64, gap: int, most: int | None = None) -> I64:
    """int64 number of the run of flows with one key and no gap, cut after ``most`` flows."""
    order = np.lexsort((at, key))
    begins = np.ones(order.shape[0], np.bool_)
    begins[1:] = (np.diff(key[order]) != 0) | (np.diff(at[order]) > gap)
    number = np.cumsum(begins) - 1
    if most is not None:
        first = np.flatnonzero(begins)[number]
        within = np.arange(order.shape[0]) - first
        number = np.cumsum(begins | (within % most == 0)) - 1
    out = np.empty_like(number)
    out[order] = number
    return out


def _most_frequent(group: I64, value: I64) -> I64:
    """int64: for each group its most frequent value, the lowest of equals."""
    base = int(value.max(initial=0)) + 1
    code, count = np.unique(group * base + value, return_counts=True)
    order = np.lexsort((code % base, -count, code // base))
    _, first = np.unique((code // base)[order], return_index=True)
    return (code % base)[order][first]
