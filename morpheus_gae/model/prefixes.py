"""Prefixes: what the training traffic said about hosts and pairs alike (NumPy reference).

A host never seen is not a stranger where its network is known: leases move, newcomers join, sites open. So
a host without history takes that of its prefix, the narrow one (/24 of IPv4, /64 of IPv6) if that is known,
else the wide one (/16, /48), and a pair without history that of its kin::

    in place of the pair      hosts of the source's narrow, else wide, prefix to this destination
    in place of its reverse   this source to hosts of the destination's narrow prefix

Their counts are of hosts and of pairs, not of flows, so that one busy host makes nobody familiar. In place of
"seen" stands a number that is not positive: how many of a prefix's hosts came in one fifth of the time alone,
or how many of those that could talk do; and 1 less for wide prefixes. Kin of a single host or pair is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.memory import find, host_keys, pair_keys, rows

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

NARROW, WIDE = 0x9E6C63D0876A9A35, 0x3C79AC492BA7B653
"""Added to the salt, so that no prefix has the key of its first address, or of a narrower one."""
FEWEST = 2
"""Hosts of a prefix, or pairs of a kin, from which on it counts."""
MOST_TYPES = 8
"""Flows that the flow types of a pair's kin count for, at most."""
_V4, _ALL = np.uint64(0xFFFF), (1 << 64) - 1


def prefix_keys(hi: U64, lo: U64, salt: int) -> tuple[U64, U64]:
    """uint64 [N] salted keys of the narrow and of the wide prefix of each address."""
    v4 = (hi == 0) & ((lo >> np.uint64(32)) == _V4)
    none = np.uint64(0)
    narrow = host_keys(hi, np.where(v4, lo & ~np.uint64(0xFF), none), (salt + NARROW) & _ALL)
    wide = host_keys(
        hi & ~np.uint64(0xFFFF), np.where(v4, lo & ~np.uint64(0xFFFF), none), (salt + WIDE) & _ALL
    )
    return narrow, wide


@dataclass(frozen=True)
class Prefixes:
    """Counters by prefix.

    Attributes
    ----------
    key
        uint64 [R], sorted.
    out, into
        float32 [R, 7]: hosts that sent (received), then mean (3) and standard deviation (3) of the attributes
        of their flows.
    seen
        float32 [R] in [-2, 0]: minus the share of the hosts that came in one fifth of the training time
        alone; 1 less for a wide prefix.
    pair_key
        uint64 [G], sorted: `pair_keys` of a prefix and a host, and of a host and a narrow prefix.
    pair
        float32 [G, 7]: pairs, then mean and standard deviation as above.
    pair_seen
        float32 [G] in [-2, 0]: minus the share of the possible pairs that there are; 1 less for a wide
        prefix.
    pair_types
        float16 [G, K]: responsibilities of the flows for each flow type, scaled down to at most
        ``MOST_TYPES`` flows.
    """

    key: U64
    out: F32
    into: F32
    seen: F32
    pair_key: U64
    pair: F32
    pair_seen: F32
    pair_types: npt.NDArray[np.float16]


@dataclass(frozen=True)
class Near:
    """Rows of a window's hosts [N] and pairs [P] among the kin, -1 where there is none or none is needed."""

    host: I64
    pair: I64
    reverse: I64


def near(
    prefixes: Prefixes,
    salt: int,
    host_hi: U64,
    host_lo: U64,
    src: I32 | I64,
    dst: I32 | I64,
    known: tuple[I64, I64, I64],
) -> Near:
    """Look the kin up of what memory does not know.

    Parameters
    ----------
    prefixes, salt
        Of the model.
    host_hi, host_lo, src, dst
        Addresses [N], and hosts of each pair [P].
    known
        Rows in memory of hosts [N], pairs [P] and reverse pairs [P].
    """
    host, forward, reverse = known
    key, (narrow, wide) = host_keys(host_hi, host_lo, salt), prefix_keys(host_hi, host_lo, salt)
    new = forward < 0

    def kin(ends: U64) -> I64:
        return np.where(new, find(prefixes.pair_key, ends), -1)

    return Near(
        host=np.where(host < 0, _first(find(prefixes.key, narrow), find(prefixes.key, wide)), -1),
        pair=_first(kin(pair_keys(narrow[src], key[dst])), kin(pair_keys(wide[src], key[dst]))),
        reverse=np.where(reverse < 0, kin(pair_keys(key[src], narrow[dst])), -1),
    )


def _first(a: I64, b: I64) -> I64:
    return np.where(a >= 0, a, b)


def fill(to: F32, table: npt.NDArray[np.floating], at: I64) -> F32:
    """``to`` with rows of a table where ``at`` is not -1."""
    chosen = (at >= 0).reshape(-1, *[1] * (to.ndim - 1))
    if table.ndim == 1:
        return np.where(chosen, rows(table[:, None], at)[:, 0], to)
    return np.where(chosen, rows(table, at), to)


def replaced(seen: F32, tables: tuple[F32, F32], pair: I64, reverse: I64, src: I64, dst: I64) -> F32:
    """Flags of `memory.seen_flags` [P, 4] with the numbers of kin and prefixes in their place, likewise."""
    of_pair, of_host = tables
    columns = ((of_pair, pair), (of_pair, reverse), (of_host, src), (of_host, dst))
    return np.stack([fill(seen[:, i], table, at) for i, (table, at) in enumerate(columns)], 1)
