"""Random numbers for the kernels: SplitMix64, the same on every machine and version of every library.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / 9007199254740992.0
_MASK16, _16 = np.uint64(0xFFFF), np.uint64(16)
_MASK64 = (1 << 64) - 1


@njit(cache=True, nogil=True, inline="always")
def mix(x):  # type: ignore[no-untyped-def]
    """Scramble a uint64 (the finaliser of SplitMix64): a hash."""
    x = (x ^ (x >> _30)) * _M1
    x = (x ^ (x >> _27)) * _M2
    return x ^ (x >> _31)


@njit(cache=True, nogil=True, inline="always")
def uniform(state):  # type: ignore[no-untyped-def]
    """Next float64 in [0, 1) of the stream whose state is ``state[0]``, uint64 [1]."""
    state[0] += _GAMMA
    return float(mix(state[0]) >> _11) * _UNIT


@njit(cache=True, nogil=True, inline="always")
def hash_normal(x):  # type: ignore[no-untyped-def]
    """A fixed, about standard normal number for a uint64 (sum of four uniforms; never beyond 3.5)."""
    h = mix(x)
    total = float(h & _MASK16)
    h >>= _16
    total += float(h & _MASK16)
    h >>= _16
    total += float(h & _MASK16)
    h >>= _16
    total += float(h)
    return (total / 65535.0 - 2.0) * 1.7320508


def stream_seed(*parts: int) -> int:
    """A uint64 seed for one part of the work, e.g. (seed, kind of work, index of the block)."""
    state = 0x243F6A8885A308D3
    for part in parts:
        state = (state ^ (part & _MASK64)) + 0x9E3779B97F4A7C15 & _MASK64
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK64
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK64
        state ^= state >> 31
    return state
