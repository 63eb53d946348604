"""Counters by prefix, against counts made one by one."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from morpheus_gae.model.prefixes import FEWEST, prefix_keys
from morpheus_gae.train.counters import FOLDS, View
from morpheus_gae.train.prefixes import Kin
from tests.model.prefix_model import counted, network


@pytest.mark.parametrize("without", [None, 0, 3])
def test_groups_count_hosts_and_pairs_and_not_flows(without):
    data, counters = counted(network(900, 2))
    g, of = data.graph, counters.by_prefix
    kin = Kin(of, without, arrived=False)
    narrow, wide = (k.tolist() for k in prefix_keys(g.host_hi, g.host_lo, 0))
    chosen = np.flatnonzero(data.fold != (-1 if without is None else without)).tolist()
    sources: dict[tuple, set] = {}
    for i in chosen:
        s, d = int(g.src[i]), int(g.dst[i])
        for kind in (("narrow", narrow[s], d), ("wide", wide[s], d)):
            sources.setdefault(kind, set()).add(s)
        sources.setdefault(("to", s, narrow[d]), set()).add(d)
    pairs = sorted({(int(g.src[i]), int(g.dst[i])) for i in range(g.flows)})
    src, dst = (np.array(e) for e in zip(*pairs, strict=True))
    group, back = of.find(kin, src, dst, src, dst)
    for i, (s, d) in enumerate(pairs):
        near, wider, to = (
            len(sources.get(kind, ()))
            for kind in (("narrow", narrow[s], d), ("wide", wide[s], d), ("to", s, narrow[d]))
        )
        best = near if near >= FEWEST else wider if wider >= FEWEST else 0
        assert (kin.pair[group[i], 0] if group[i] >= 0 else 0) == best
        assert (kin.pair[back[i], 0] if back[i] >= 0 else 0) == (to if to >= FEWEST else 0)
        if group[i] >= 0:
            assert -2 <= kin.pair_seen[group[i]] < 0
            assert (kin.pair_seen[group[i]] < -1) == (near < FEWEST)
            assert 0 < kin.types[group[i]].sum() <= 8.001


def test_who_came_in_a_window_s_fifth_is_new_to_it_though_he_stayed():
    flows = network(1000, 4)
    # one desk that comes in the last fifth but one
    ends = ((flows.src_hi, flows.src_lo), (flows.dst_hi, flows.dst_lo))
    his = [(hi == flows.src_hi[700]) & (lo == flows.src_lo[700]) for hi, lo in ends]
    flows = flows.take(np.flatnonzero(~(his[0] | his[1]) | (np.arange(1000) >= 650)))
    data, counters = counted(flows)
    host = int(data.graph.src[np.flatnonzero(flows.rows == 700)[0]])
    first = int(data.fold[(data.graph.src == host) | (data.graph.dst == host)].min())
    assert first == counters.by_prefix.first_host[host] > 0
    rows = slice(int(np.flatnonzero(data.fold == first)[0]), int(np.flatnonzero(data.fold == first)[0]) + 50)
    pair = np.flatnonzero(counters.pair_src == host)[:1]
    ends = counters.pair_src[pair], counters.pair_dst[pair]
    new, known = (View(counters, rows, k).recall(pair, counters.reverse[pair], *ends) for k in (first, 0))
    # no host, but its network: between nothing and seen
    assert new.existence[0, 8] <= 0 < new.existence[0, 2]
    assert known.existence[0, 8] == 1


def test_a_pair_does_not_vouch_for_itself():
    _, counters = counted(network(900, 5))
    of = counters.by_prefix
    for k in range(FOLDS):
        kin = of.arrived(k)
        here = of.first_pair == k
        src, dst = counters.pair_src[here], counters.pair_dst[here]
        group, _ = of.find(kin, src, dst, src, dst)
        others = ~here & (counters.sums_of("by_pair", k)[:, 0] > 0.5)
        for s, d, at in zip(src.tolist(), dst.tolist(), group.tolist(), strict=True):
            alike = others & (of.narrow[counters.pair_src] == of.narrow[s]) & (counters.pair_dst == d)
            if at >= 0 and kin.pair_seen[at] > -1:
                assert kin.pair[at, 0] == alike.sum()
