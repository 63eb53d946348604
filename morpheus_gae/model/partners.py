"""Partners: how many new partners a host meets in a window, beside its own past (NumPy reference).

A pair that memory does not know is a first meeting of its hosts. Some hosts have them all day, others never:
what a host usually has is how often it met somebody in the past whom it did not meet again, or had not met
before. As of flows (`model.activity`), a window is expected to hold the share of them that it has of memory's
flows, and the excess is told in units of the spread that benign windows have shown.

::

    expected = (past + 1) * share                      share = flows of the window / flows in memory

So a source that goes out to many, and a destination that many come to, raise the flows of their new pairs,
the larger of both, together with what counts add at most `model.activity.MOST`. Known pairs are left alone,
and so are hosts that memory does not know in that role: everybody is new to them.
Counts are whole numbers, so order shows nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.activity import nats
from morpheus_gae.model.memory import Memory

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

ROLES = ("source", "destination")
MOST_PAST = 1e9
"""First meetings of a host: more are no count."""


@dataclass(frozen=True)
class Partners:
    """What first meetings of benign traffic are like.

    Attributes
    ----------
    prior
        float32 [2, 4], a row for each of ``ROLES``, as those of `model.activity.Activity`.
    past
        float32 [H, 2] first meetings of each host in memory, by role.
    """

    prior: F32
    past: F32


@dataclass(frozen=True)
class Met:
    """A window's pairs and hosts beside memory.

    Attributes
    ----------
    new
        bool [P]: memory does not know the pair.
    past
        float64 [2, N] first meetings of each host by role, -1 where memory does not know it in that role.
    share
        Flows of the window over flows in memory; 0 where there are none in memory.
    """

    new: Bool
    past: F64
    share: float


def known_past(past: F32, out: F32, into: F32) -> F32:
    """float32 [H, 2] first meetings, -1 in roles in which a host has no flows: ``out``, ``into`` [H]."""
    flows: F32 = np.stack([out, into], 1)
    return np.where(flows > 0, past, np.float32(-1)).astype(np.float32)


def met_of(
    partners: Partners,
    memory: Memory,
    pair: npt.NDArray[np.integer],
    host: npt.NDArray[np.integer],
    flows: int,
) -> Met:
    """What memory has of a window's pairs and hosts: rows [P] and [N] in memory, -1 where unknown."""
    past = known_past(partners.past, memory.host_out[:, 0], memory.host_in[:, 0])
    return met_in(past, float(memory.host_out[:, 0].sum(dtype=np.float64)), pair, host, flows)


def met_in(
    past: F32, total: float, pair: npt.NDArray[np.integer], host: npt.NDArray[np.integer], flows: int
) -> Met:
    """As ``met_of``, from ``known_past`` and the flows in memory."""
    # the last one is for hosts that memory does not know, which are at -1
    at = np.concatenate([past, np.full((1, 2), -1, np.float32)]).astype(np.float64)
    return Met(pair < 0, at[host].T, flows / total if total > 0 else 0.0)


def meetings(
    pair_src: npt.NDArray[np.integer], pair_dst: npt.NDArray[np.integer], new: Bool, hosts: int
) -> F64:
    """New partners of each host as a source and as a destination: float64 [2, N]."""
    return np.stack([np.bincount(at[new], minlength=hosts) for at in (pair_src, pair_dst)]).astype(np.float64)


def raises(prior: F32, pair_src: npt.NDArray[np.integer], pair_dst: npt.NDArray[np.integer], met: Met) -> F32:
    """Nats that each pair's flows gain: float32 [P] in [0, MOST], 0 for known pairs.

    Parameters
    ----------
    prior
        float32 [2, 4], see ``Partners``.
    pair_src, pair_dst
        [P] of the window.
    met
        Of it.
    """
    if not met.share > 0:
        return np.zeros(pair_src.shape[0], np.float32)
    number = meetings(pair_src, pair_dst, met.new, met.past.shape[1])
    source, destination = (
        np.where(past >= 0, nats(n, np.maximum(past, 0), met.share, row), 0.0)
        for n, past, row in zip(number, met.past, prior, strict=True)
    )
    told = np.maximum(source[pair_src], destination[pair_dst])
    return np.where(met.new, told, 0.0).astype(np.float32)
