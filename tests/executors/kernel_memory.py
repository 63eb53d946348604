"""Memories of made-up hosts and pairs, for checks of kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from morpheus_gae.model.memory import Memory, host_keys, pair_keys
from morpheus_gae.model.prefixes import Prefixes, prefix_keys

SALT, TYPES = 99, 32


class Made(NamedTuple):
    """Addresses [N], ends of pairs [P]; a memory of some of them, an empty one, and one of their prefixes."""

    hi: np.ndarray
    lo: np.ndarray
    src: np.ndarray
    dst: np.ndarray
    full: Memory
    empty: Memory
    prefixes: Prefixes


def made(n: int, p: int, rng: np.random.Generator) -> Made:
    """So many hosts and pairs."""
    hi, lo = np.zeros(n, np.uint64), 0xFFFF_0000_0000 + rng.integers(0, 1 << 32, n).astype(np.uint64)
    hi[::3] = rng.choice(np.array([0, 0xFD, 0xFF, 0x20], np.uint64), n)[::3] << np.uint64(56)
    lo[:4] = 0xFFFF_0A00_0001, 0xFFFF_E000_0001, 0, 0xFFFF_C0A8_01FF
    src, dst = rng.integers(0, n, (2, p))
    keys = host_keys(hi, lo, SALT)
    pair_key = np.unique(pair_keys(keys[src], keys[dst])[::2])
    host_key = np.unique(keys[: n // 2])

    def counters(rows: int) -> np.ndarray:
        out = rng.normal(size=(rows, 7)).astype(np.float32)
        out[:, 0] = np.floor(rng.exponential(50, rows))
        return out

    def types(rows: int) -> np.ndarray:
        return rng.exponential(3, (rows, TYPES)).astype(np.float16)

    half, pairs, none = host_key.size, pair_key.size, np.zeros(0, np.uint64)
    full = Memory(SALT, host_key, counters(half), counters(half), pair_key, counters(pairs), types(pairs))
    empty = Memory(SALT, none, counters(0), counters(0), none, counters(0), types(0))
    # of some of the narrow and wide prefixes, and some of each kind of kin
    narrow, wide = prefix_keys(hi, lo, SALT)
    network = np.unique(np.concatenate([narrow[::3], wide[::2]]))
    ends = (narrow[src], keys[dst]), (wide[src], keys[dst]), (keys[src], narrow[dst])
    kin = np.unique(np.concatenate([pair_keys(a, b)[i::3] for i, (a, b) in enumerate(ends)]))
    r, g = network.size, kin.size
    seen, pair_seen = -rng.random(r, np.float32), -rng.random(g, np.float32)
    known = Prefixes(network, counters(r), counters(r), seen, kin, counters(g), pair_seen, types(g))
    return Made(hi, lo, src, dst, full, empty, known)
