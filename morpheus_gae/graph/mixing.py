"""The mixing of keys for the graph's hash tables.

Keys pass SplitMix64's finaliser, so sequential addresses, one hub, or addresses alike in their low bits all
probe about once. That finaliser can be run backwards: whoever may choose addresses could pick ones that share
a slot and make a table quadratic. A salt drawn once per process prevents that.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_C1 = np.uint64(0xBF58476D1CE4E5B9)
_C2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)


@njit(cache=True, nogil=True)
def mix(x: np.uint64) -> np.uint64:
    """SplitMix64's finaliser (Steele et al. 2014)."""
    x = (x ^ (x >> _S30)) * _C1
    x = (x ^ (x >> _S27)) * _C2
    return x ^ (x >> _S31)


@njit(cache=True, nogil=True)
def host_hash(hi: np.uint64, lo: np.uint64, salt: np.uint64) -> np.uint64:
    """Both halves through the finaliser, the salt inside, where nobody outside can cancel it."""
    return mix(lo ^ mix(hi ^ salt))
