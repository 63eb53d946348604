"""Evidence over the graph: what the other flows of a flow's pair and source say about it (NumPy reference).

A flow that is a little strange among ordinary ones is chance; among others of its pair or of its source that
are strange too it is none. So surprises travel as messages, once around the graph: flow to pair to source
host, and back to the flow. Each flow's own part is left out, on the way back from its pair and that of its
pair on the way back from its source, so that nothing supports itself. What an entity has always shown is
subtracted, so that hubs and hosts that change all the time do not drown the score. The other flows may only
raise a surprise, and at most by ``MOST``. The form is belief propagation (Pearl 1988) with one round, and
with means that shrink towards the past (Buhlmann 1967) in place of products, which many flows would send to
infinity.

::

    m    = min(max(surprise - FROM, 0), UPTO)      evidence of a flow
    pair   known to memory: mean of the others' m over what its past has, less the fewer they are
           new: sum of the others' m, by how few new pairs of benign windows had as much
    source mean over its other pairs of their mean m, over what its past has: a pair counts once
    told = map(surprise + raise)                   calibrated once more

Sums are of whole numbers, so that their order shows nowhere. Linear: two passes over the flows and one over
the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

FROM, UPTO = 3.0, 4.0
"""Nats. One benign flow in twenty is stranger than 3; what is beyond 7 counts as 7."""
ONE = 1 << 20
"""A nat of evidence as a whole number."""
MOST_KNOWN, MOST_NEW, MOST_SOURCE, MOST = 2.0, 3.0, 2.0, 3.0
"""Nats that a known pair, a new pair and a source add at most, and all together."""
STEEPEST = 0.5
"""Of the curve for new pairs: a pair's flows stay in the order of their own surprises."""


@dataclass(frozen=True)
class Evidence:
    """What benign windows lead one to expect.

    Attributes
    ----------
    pair
        float32 [Q] mean evidence of the flows of each pair in memory, in [0, UPTO].
    source
        float32 [H] mean over the pairs of each host in memory, as a source, of their means; likewise.
    unknown
        That of a source which memory does not know.
    flows, pairs
        Weights of the past, in flows of a pair and in pairs of a source, above 0.
    window
        Flows of the windows that new pairs were counted in. A larger window has more flows of every pair:
        their sums are scaled down to this size.
    new_x, new_y
        float32 [M] curve for new pairs: nats that are added, from 0 to MOST_NEW and never falling, by the sum
        of the others' evidence. It is level beyond its ends.
    """

    pair: F32
    source: F32
    unknown: float
    flows: float
    pairs: float
    window: float
    new_x: F32
    new_y: F32


def evidence_of(surprise: F32) -> I64:
    """Evidence of each flow, in units of 1 / ONE nats."""
    beyond = np.clip(surprise - np.float32(FROM), np.float32(0), np.float32(UPTO))
    return np.rint(beyond * np.float32(ONE)).astype(np.int64)


@dataclass(frozen=True)
class Pooled:
    """Messages of one window.

    Attributes
    ----------
    own
        int64 [E] evidence of each flow.
    count, total
        int64 [P] flows of each pair, and the sum of their evidence.
    mean
        int64 [P] the pair's message to its source: ``total // count``.
    pairs, received
        int64 [N] pairs of each source, and the sum of their messages.
    """

    own: I64
    count: I64
    total: I64
    mean: I64
    pairs: I64
    received: I64


def pool(
    surprise: F32, pair: npt.NDArray[np.integer], pair_src: npt.NDArray[np.integer], hosts: int
) -> Pooled:
    """Send all messages up: flows to pairs, pairs to sources.

    Parameters
    ----------
    surprise
        float32 [E] calibrated.
    pair
        [E] pair of each flow.
    pair_src
        [P] source of each pair.
    hosts
        N.
    """
    own = evidence_of(surprise)
    p = pair_src.shape[0]
    count = np.bincount(pair, minlength=p).astype(np.int64)
    # float64 holds sums of 2**31 flows exactly
    total = np.bincount(pair, own, p).astype(np.int64)
    mean = total // np.maximum(count, 1)
    pairs = np.bincount(pair_src, minlength=hosts).astype(np.int64)
    received = np.bincount(pair_src, mean, hosts).astype(np.int64)
    return Pooled(own, count, total, mean, pairs, received)


def beyond(others: F64, number: F64, expected: F64, weight: float) -> F64:
    """Mean over what is expected, shrunk: ``(others - number * expected) / (number + weight)``.

    Parameters
    ----------
    others
        Sum over the others, nats.
    number
        Of them.
    expected
        Mean that the past has.
    weight
        Of the past, in the units of ``number``.
    """
    out: F64 = (others - number * expected) / (number + weight)
    return out


def raises(
    evidence: Evidence,
    surprise: F32,
    pair: npt.NDArray[np.integer],
    pair_src: npt.NDArray[np.integer],
    known_pair: npt.NDArray[np.integer],
    known_host: npt.NDArray[np.integer],
) -> F32:
    """Nats that the rest of the window adds to each flow's surprise: float32 [E] in [0, MOST].

    Parameters
    ----------
    evidence
        Of the model.
    surprise
        float32 [E] calibrated.
    pair
        [E] pair of each flow.
    pair_src
        [P] source of each pair.
    known_pair, known_host
        [P] and [N] rows in memory, -1 where unknown.
    """
    got = pool(surprise, pair, pair_src, known_host.shape[0])
    source = _of_sources(evidence, got, pair_src, known_host)
    number = got.count[pair] - 1.0
    others = (got.total[pair] - got.own) / ONE
    row = known_pair[pair]
    # the last one is for what memory does not know, which is at -1
    expected = np.append(evidence.pair, np.float32(0))[row].astype(np.float64)
    known = np.clip(beyond(others, number, expected, evidence.flows), 0, MOST_KNOWN)
    scale = min(1.0, evidence.window / max(surprise.shape[0], 1))
    new = np.interp(others * scale, evidence.new_x, evidence.new_y)
    return np.minimum(np.where(row < 0, new, known) + source[pair], MOST).astype(np.float32)


def _of_sources(
    evidence: Evidence, got: Pooled, pair_src: npt.NDArray[np.integer], known_host: npt.NDArray[np.integer]
) -> F64:
    """float64 [P] nats that the other pairs of a pair's source add."""
    expected = np.append(evidence.source, np.float32(evidence.unknown))[known_host]
    others = (got.received[pair_src] - got.mean) / ONE
    number = got.pairs[pair_src] - 1.0
    of = beyond(others, number, expected.astype(np.float64)[pair_src], evidence.pairs)
    return np.clip(of, 0, MOST_SOURCE)
