"""Activity: how much a pair, a source and a destination do, beside what is usual for them (NumPy reference).

What a host or pair usually does is its share of the flows in memory. A window of any length, at any time of
the day, is expected to hold that share of its own flows: no clock is needed, and a busy hour of the whole
network is none of one pair. Counts of benign traffic spread more than chance would have it: flows come in
bursts, and some pairs work by day alone. So the excess of a count is told in units of a spread that benign
windows have shown, with the mean and variance of a negative binomial (gamma-Poisson) count.

::

    expected = (past + 1) * share                      share = flows of the window / flows in memory
    variance = burst * expected * (1 + share) + spread * expected**2 + 1
    excess   = (flows - expected) / sqrt(variance)
    raise    = min(max(slope * (excess - start), 0), MOST)

A known pair is judged by itself: beside an attack on the same server it has done nothing unusual. A new pair
has no past; it is judged by its source's and its destination's, whichever says more. Where these are new too,
nothing is added.
Counts are whole numbers, so order shows nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.memory import Memory

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

MOST = 3.0
"""Nats that activity adds at most."""
STEEPEST = 0.5
"""Nats by unit of excess, at most: so that rounding stays what it is."""
KINDS = ("pair", "source", "destination")
NUMBERS = ("burst", "spread", "start", "slope")


@dataclass(frozen=True)
class Activity:
    """What benign counts are like.

    Attributes
    ----------
    prior
        float32 [3, 4], a row for each of ``KINDS``: ``burst`` (variance over mean of small counts, at least
        1), ``spread`` (squared coefficient of variation of large ones), ``start`` (excess from which
        something is added, at least 0) and ``slope`` (nats by unit of excess).
    """

    prior: F32


def excess(flows: F64, past: F64, share: float, prior: F32) -> F64:
    """How far counts are above what is expected, in units of their spread.

    Parameters
    ----------
    flows, past
        float64 [R] flows of the window, and in memory.
    share
        Flows of the window over flows in memory.
    prior
        float32 [4], see ``Activity``.
    """
    burst, spread = float(prior[0]), float(prior[1])
    expected = (past + 1) * share
    out: F64 = (flows - expected) / np.sqrt(burst * expected * (1 + share) + spread * expected**2 + 1)
    return out


def nats(flows: F64, past: F64, share: float, prior: F32) -> F64:
    """Nats that counts add: float64 [R] in [0, MOST]."""
    start, slope = float(prior[2]), float(prior[3])
    out: F64 = np.clip(slope * (excess(flows, past, share, prior) - start), 0, MOST)
    return out


def added(flows: F64, past: F64, share: float, prior: F32) -> F64:
    """``nats`` of flows: 0 where there is no past."""
    return np.where(past > 0, nats(flows, past, share, prior), 0.0)


@dataclass(frozen=True)
class Past:
    """Flows in memory of a window's pairs, float64 ``pair`` [P], and hosts, ``out`` and ``into`` [N]; of all,
    ``total``.
    """

    pair: F64
    out: F64
    into: F64
    total: float


def past_of(memory: Memory, pair: npt.NDArray[np.integer], host: npt.NDArray[np.integer]) -> Past:
    """What memory has of a window's pairs and hosts: rows [P] and [N] in memory, -1 where unknown."""

    def at(table: F32, row: npt.NDArray[np.integer]) -> F64:
        # the last one is for what memory does not know, which is at -1
        return np.append(table[:, 0], np.float32(0)).astype(np.float64)[row]

    total = float(memory.host_out[:, 0].sum(dtype=np.float64))
    return Past(at(memory.pair, pair), at(memory.host_out, host), at(memory.host_in, host), total)


def counts(
    pair_flows: npt.NDArray[np.integer],
    pair_src: npt.NDArray[np.integer],
    pair_dst: npt.NDArray[np.integer],
    hosts: int,
) -> tuple[F64, F64, F64]:
    """Flows of each pair [P], from each host and to each host [N]."""
    n = pair_flows.astype(np.float64)
    out, into = (np.bincount(at, n, hosts).astype(np.float64) for at in (pair_src, pair_dst))
    return n, out, into


def raises(
    activity: Activity,
    pair_flows: npt.NDArray[np.integer],
    pair_src: npt.NDArray[np.integer],
    pair_dst: npt.NDArray[np.integer],
    past: Past,
) -> F32:
    """Nats that each pair's flows gain: float32 [P] in [0, MOST].

    Parameters
    ----------
    activity
        Of the model.
    pair_flows, pair_src, pair_dst
        [P] of the window.
    past
        Of it.
    """
    if not past.total > 0:
        return np.zeros(pair_flows.shape[0], np.float32)
    n, out, into = counts(pair_flows, pair_src, pair_dst, past.out.shape[0])
    share = float(n.sum()) / past.total
    of_pair, of_source, of_destination = activity.prior
    known = added(n, past.pair, share, of_pair)
    source = added(out, past.out, share, of_source)[pair_src]
    destination = added(into, past.into, share, of_destination)[pair_dst]
    return np.where(past.pair > 0, known, np.maximum(source, destination)).astype(np.float32)
