"""Memory: what the training traffic said about each host and each pair of hosts (NumPy reference).

Linear-time counters, keyed by a salted 64-bit hash: pseudonyms, not secrets (who has the artifact has the
salt, and can test whether an address is in it). Looked up by a
window's hosts and pairs they give 10 numbers for the existence head and 24 for the flow types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    pass

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_C1 = np.uint64(0xBF58476D1CE4E5B9)
_C2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(x: U64) -> U64:
    """SplitMix64's finaliser (Steele et al. 2014), a bijection on 64 bits."""
    x = (x ^ (x >> np.uint64(30))) * _C1
    x = (x ^ (x >> np.uint64(27))) * _C2
    return x ^ (x >> np.uint64(31))


def host_keys(hi: U64, lo: U64, salt: int) -> U64:
    """uint64 [N] salted key of each address."""
    return mix(mix(hi + np.uint64(salt)) + lo * _GOLDEN)


def pair_keys(src: U64, dst: U64) -> U64:
    """uint64 [P] key of each ordered pair from the keys of its hosts."""
    return mix(src * _GOLDEN + (dst ^ (dst >> np.uint64(29))))


@dataclass(frozen=True)
class Memory:
    """Counters of the training traffic.

    Attributes
    ----------
    salt
        Of the keys.
    host_key
        uint64 [H], sorted.
    host_out, host_in
        float32 [H, 7]: flows, then mean (3) and standard deviation (3) of the standardised attributes,
        over the flows the host sent and received.
    pair_key
        uint64 [Q], sorted.
    pair
        float32 [Q, 7], likewise for each ordered pair.
    pair_types
        float16 [Q, K]: summed responsibilities of the pair's flows for each flow type.
    """

    salt: int
    host_key: U64
    host_out: F32
    host_in: F32
    pair_key: U64
    pair: F32
    pair_types: npt.NDArray[np.float16]


def find(sorted_keys: U64, keys: U64) -> I64:
    """int64 position of each key, or -1."""
    if sorted_keys.shape[0] == 0:
        return np.full(keys.shape[0], -1, np.int64)
    at = np.minimum(np.searchsorted(sorted_keys, keys), sorted_keys.shape[0] - 1)
    return np.where(sorted_keys[at] == keys, at, -1).astype(np.int64)


def rows(table: npt.NDArray[np.floating], at: I64) -> F32:
    """Rows of a table as float32, zeros where ``at`` is -1."""
    if table.shape[0] == 0:
        return np.zeros((at.shape[0], table.shape[1]), np.float32)
    out = table[np.maximum(at, 0)].astype(np.float32)
    out[at < 0] = 0
    return out


def seen_flags(pair: F32, back: F32, so: F32, si: F32, do: F32, di: F32) -> F32:
    """float32 [P, 4] seen flags of pair, reverse pair, source, destination from flow counts, see below."""
    return np.stack([pair > 0, back > 0, so + si > 0, do + di > 0], 1).astype(np.float32)


def existence_numbers(
    pair: F32, back: F32, so: F32, si: F32, do: F32, di: F32, seen: F32 | None = None
) -> F32:
    """The existence head's 10 numbers from flow counts.

    Parameters
    ----------
    pair, back, so, si, do, di
        float32 [P] flows of: the pair, its reverse, source out, source in, destination out, destination in.
    seen
        float32 [P, 4] in place of ``seen_flags``.

    Returns
    -------
    float32 [P, 10]
        log1p / 4 of each count, then seen flags.
    """
    counts = np.stack([pair, back, so, si, do, di], 1)
    flags = seen_flags(pair, back, so, si, do, di) if seen is None else seen
    return np.concatenate([np.log1p(counts) / np.float32(4), flags], 1)


def profile_numbers(pair: F32, src: F32, dst: F32) -> F32:
    """The flow types' 24 numbers from the counters of pair, source (out) and destination (in).

    Parameters
    ----------
    pair, src, dst
        float32 [P, 7]: count, mean (3), standard deviation (3).

    Returns
    -------
    float32 [P, 24]
        For each: log1p(count) / 4, seen, mean (3), standard deviation (3).
    """
    parts = []
    for counters in (pair, src, dst):
        count = counters[:, :1]
        parts += [np.log1p(count) / np.float32(4), (count > 0).astype(np.float32), counters[:, 1:]]
    return np.concatenate(parts, 1)
