"""Recall: what memory, and the history of networks where it knows nothing, say of the pairs of a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.memory import (
    Memory,
    existence_numbers,
    find,
    host_keys,
    pair_keys,
    profile_numbers,
    rows,
    seen_flags,
)
from morpheus_gae.model.prefixes import Prefixes, fill, near, replaced

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Recall:
    """What memory says about one window's pairs.

    Attributes
    ----------
    existence
        float32 [P, 10].
    profile
        float32 [P, 24].
    types
        float32 [P, K].
    """

    existence: F32
    profile: F32
    types: F32


def recall(
    memory: Memory,
    host_hi: U64,
    host_lo: U64,
    pair_src: I32,
    pair_dst: I32,
    prefixes: Prefixes | None = None,
) -> Recall:
    """Look a window's hosts and pairs up, and with prefixes the kin of those that memory does not know."""
    keys = host_keys(host_hi, host_lo, memory.salt)
    at = find(memory.host_key, keys)
    out, into = rows(memory.host_out, at), rows(memory.host_in, at)
    forward = find(memory.pair_key, pair_keys(keys[pair_src], keys[pair_dst]))
    reverse = find(memory.pair_key, pair_keys(keys[pair_dst], keys[pair_src]))
    pair, back = rows(memory.pair, forward), rows(memory.pair[:, :1], reverse)[:, 0]
    types = rows(memory.pair_types, forward)

    def counts() -> tuple[F32, F32, F32, F32, F32, F32]:
        s, d = pair_src, pair_dst
        return pair[:, 0], back, out[s, 0], into[s, 0], out[d, 0], into[d, 0]

    seen = seen_flags(*counts())
    if prefixes is not None:
        kin = near(prefixes, memory.salt, host_hi, host_lo, pair_src, pair_dst, (at, forward, reverse))
        out, into = fill(out, prefixes.out, kin.host), fill(into, prefixes.into, kin.host)
        pair, back = fill(pair, prefixes.pair, kin.pair), fill(back, prefixes.pair[:, 0], kin.reverse)
        types = fill(types, prefixes.pair_types, kin.pair)
        ends = kin.host[pair_src], kin.host[pair_dst]
        seen = replaced(seen, (prefixes.pair_seen, prefixes.seen), kin.pair, kin.reverse, *ends)
    return Recall(
        existence=existence_numbers(*counts(), seen),
        profile=profile_numbers(pair, out[pair_src], into[pair_dst]),
        types=types,
    )
