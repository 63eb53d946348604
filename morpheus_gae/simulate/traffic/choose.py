"""Which habit each flow belongs to: alias tables, bursts, and hosts that are no habit."""

from __future__ import annotations

import numpy as np
from numba import njit

from morpheus_gae.simulate.rng import mix, uniform


@njit(cache=True, nogil=True)
def alias_table(weight):  # type: ignore[no-untyped-def]
    """Alias table of float64 [K] weights: (float64 [K] cut, int32 [K] alias). Vose, IEEE TSE 17(9), 1991."""
    n = weight.shape[0]
    cut = weight * (n / weight.sum())
    alias = np.zeros(n, np.int32)
    small = np.empty(n, np.int32)
    large = np.empty(n, np.int32)
    ns = nl = 0
    for i in range(n):
        if cut[i] < 1.0:
            small[ns] = i
            ns += 1
        else:
            large[nl] = i
            nl += 1
    while ns > 0 and nl > 0:
        ns -= 1
        s, g = small[ns], large[nl - 1]
        alias[s] = g
        cut[g] -= 1.0 - cut[s]
        if cut[g] < 1.0:
            nl -= 1
            small[ns] = g
            ns += 1
    for i in range(ns):
        cut[small[i]] = 1.0
    for i in range(nl):
        cut[large[i]] = 1.0
    return cut, alias


@njit(cache=True, nogil=True)
def choose_habits(  # type: ignore[no-untyped-def]
    slot, born, seed, class_mix, order, first, cut, alias, h_src, h_dst, h_service, browsing,
    again, wander, newcomer, site_first, site_cdf, v6_of, first_v6,
    new4, new6, active, src, dst, service,
):  # fmt: skip
    """Fill ``src``, ``dst``, ``service`` (int32 [E]) of the sampled flows of one block.

    ``slot`` int64 [E] is the quarter of the week, ``born`` int64 [E] how many newcomers the internet has had
    by then, ``class_mix`` float64 [672, 4] the cumulative shares of the load curves, ``order`` the habits by
    curve with ``first`` int64 [5], and ``cut``, ``alias`` their alias tables.
    """
    state = np.empty(1, np.uint64)
    state[0] = seed
    n_sites = site_cdf.shape[0]
    for i in range(slot.shape[0]):
        if i > 0 and uniform(state) < again:
            j = i - 1 - np.int64(uniform(state) * min(i, 48))
            src[i], dst[i], service[i] = src[j], dst[j], service[j]
            continue
        u = uniform(state)
        c = 0
        while c < 3 and (class_mix[slot[i], c] <= u or first[c + 1] == first[c]):
            c += 1
        while first[c + 1] == first[c]:
            c -= 1
        size = first[c + 1] - first[c]
        x = uniform(state) * size
        k = np.int64(x)
        if x - k >= cut[first[c] + k]:
            k = alias[first[c] + k]
        h = order[first[c] + k]
        src[i], dst[i], service[i] = h_src[h], h_dst[h], h_service[h]
        if browsing[h_service[h]] and n_sites > 0 and uniform(state) < wander:
            s = h_src[h]
            v6 = s >= first_v6
            if uniform(state) < newcomer:
                # popular among the newcomers: the cube prefers a few of those in use
                w = uniform(state)
                pick = np.int64(mix(np.uint64(np.int64(w * w * w * active))) % np.uint64(active))
                # the newcomer with this remainder that is in use at this moment
                at = born[i] + (pick - born[i]) % active
                dst[i] = (new6 if v6 else new4) + at
            else:
                d = site_first + min(np.searchsorted(site_cdf, uniform(state)), n_sites - 1)
                if v6:
                    if v6_of[d] >= first_v6:
                        dst[i] = v6_of[d]
                else:
                    dst[i] = d
