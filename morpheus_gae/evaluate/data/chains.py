"""Chains: links attack flows of hosts that go on with what reached them, as a worm does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def goes_on(source: I64, target: I64, session: I64, time: I64, gap: int) -> tuple[I64, I64]:
    """Return the flows by which hosts begin after they were reached, and the flows that reached them.

    Parameters
    ----------
    source, target
        int64 [A] host of each flow, apart by class, in one numbering.
    session
        int64 [A] what a source does without a pause: its first flow is where it begins.
    time
        int64 [A] milliseconds.
    gap
        Milliseconds between both at most.

    Returns
    -------
    int64 [L], int64 [L]
        Flows; those that reached a host last, where several did.
    """
    order = np.lexsort((time, session))
    first = order[np.flatnonzero(np.diff(session[order], prepend=-1))]
    n = target.shape[0]
    host, at = np.concatenate([target, source[first]]), np.concatenate([time, time[first]])
    begins = np.arange(host.shape[0]) >= n
    # who is reached and begins in the same millisecond was reached before
    order = np.lexsort((begins, at, host))
    last = np.maximum.accumulate(np.where(begins[order], -1, np.arange(order.shape[0])))
    place = np.flatnonzero(begins[order] & (last >= 0))
    who, by = order[place], order[last[place]]
    near = (host[who] == host[by]) & (at[who] - at[by] <= gap)
    return first[who[near] - n], by[near]


def meanwhile(service: I64, time: I64, group: I64, spreads: Bool, gap: int) -> I64:
    """Return a number for each flow, the same for flows of a service while one group of them spreads.

    Parameters
    ----------
    service
        int64 [A] service of each flow, apart by class; negative where unknown.
    time
        int64 [A] milliseconds.
    group
        int64 [A] flows that belong together already.
    spreads
        bool [A] whether the group of a flow spreads.
    gap
        Milliseconds before its first and after its last flow.

    Returns
    -------
    int64 [A]
    """
    n = time.shape[0]
    order = np.lexsort((time, service))
    rank = np.unique(time, return_inverse=True)
    place = service[order] * (n + 1) + rank[1].reshape(-1)[order]
    of = np.flatnonzero(spreads & (service >= 0))
    pairs = np.stack([group[of], service[of]], 1)
    found, which = np.unique(pairs, axis=0, return_inverse=True)
    low, high = np.full(len(found), np.iinfo(np.int64).max), np.full(len(found), np.iinfo(np.int64).min)
    np.minimum.at(low, which.reshape(-1), time[of])
    np.maximum.at(high, which.reshape(-1), time[of])
    start = np.searchsorted(place, found[:, 1] * (n + 1) + np.searchsorted(rank[0], low - gap, "left"))
    stop = np.searchsorted(place, found[:, 1] * (n + 1) + np.searchsorted(rank[0], high + gap, "right"))
    # flows that belong to the one before them
    change = np.zeros(n + 1, np.int64)
    np.add.at(change, start + 1, 1)
    np.add.at(change, stop, -1)
    out = np.empty(n, np.int64)
    out[order] = np.cumsum(np.cumsum(change)[:n] == 0)
    return out
