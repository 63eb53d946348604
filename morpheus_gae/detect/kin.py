"""Kin: prefix counters from learnt hosts and pairs, see `model.prefixes`.

The tables are recounted from the memory, so that they decay and wait as its hosts and pairs do, and exclude
barred hosts. For one half-life the trained tables are used where less was learnt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.executors.cpu.hash_table import HashTable
from morpheus_gae.executors.cpu.learn_kin import add_pairs
from morpheus_gae.model.memory import pair_keys
from morpheus_gae.model.prefixes import FEWEST, MOST_TYPES
from morpheus_gae.model.sums import moments

if TYPE_CHECKING:
    from morpheus_gae.model.prefixes import Prefixes

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Tensors = dict[str, npt.NDArray[Any]]

HOST_KEYS = {"narrow": ("u8", ()), "wide": ("u8", ())}
"""Columns of hosts: keys of their prefixes; 0 until the address was seen."""
PAIR_KEYS = {"src": ("u8", ()), "dst": ("u8", ())}
"""Columns of pairs: keys of their hosts."""
_NEVER = 1 << 40
_OF_HOSTS = ("prefix.key", "prefix.out", "prefix.in", "prefix.seen")
_OF_PAIRS = ("prefix.pair_key", "prefix.pair", "prefix.pair_seen", "prefix.pair_types")


def kin(hosts: HashTable, roles: tuple[Bool, Bool], once: Bool, pairs: HashTable, known: I64) -> Tensors:
    """Build the tables ``prefix.*`` of an artifact from the memory.

    Parameters
    ----------
    hosts, pairs
        Hash tables with the columns above, and sums.
    roles
        bool [H] twice: in memory as a source, as a destination.
    once
        bool [H] whether a host was seen only within a small part of the time.
    known
        int64 rows of the pairs in memory.
    """
    out, into = roles
    at = np.flatnonzero((out | into) & (hosts["narrow"] != 0))
    key, number = np.unique(np.concatenate([hosts["narrow"][at], hosts["wide"][at]]), return_inverse=True)
    number = number.reshape(-1)
    size = key.shape[0]
    wide = np.zeros(size, np.bool_)
    wide[number[at.shape[0] :]] = True
    twice = np.concatenate([at, at])

    def count(chosen: Bool) -> F64:
        return np.bincount(number, chosen[twice].astype(np.float64), size).astype(np.float64)

    senders, receivers, members = count(out), count(into), count(out | into)
    tables = []
    for name, role, of in (("out", out, senders), ("in", into, receivers)):
        sums = hosts[name][twice] * role[twice, None]
        total = np.stack([np.bincount(number, column, size) for column in sums.T], 1).astype(np.float64)
        tables.append(moments(total, of))
    seen = (-count(once & (out | into)) / np.maximum(members, 1) - wide).astype(np.float32)
    enough = members >= FEWEST
    prefix = np.full((2, hosts.size), -1, np.int64)
    prefix[0, at], prefix[1, at] = number[: at.shape[0]], number[at.shape[0] :]
    of_pairs = _groups(hosts, pairs, known, key, prefix, (senders, receivers))
    found = (key[enough], tables[0][enough], tables[1][enough], seen[enough])
    return dict(zip(_OF_HOSTS, found, strict=True)) | of_pairs


def spans(hosts: HashTable) -> I64:
    """Return the blocks of time from first to last flow of each host, int64 [H]; negative without any."""
    first, last = np.full(hosts.size, _NEVER), np.full(hosts.size, -_NEVER)
    for role in ("out", "in"):
        seen = hosts[f"blocks_{role}"] > 0
        first[seen] = np.minimum(first, hosts[f"first_{role}"])[seen]
        last[seen] = np.maximum(last, hosts[f"last_{role}"])[seen]
    return last - first


def beside(learnt: Tensors, trained: Prefixes) -> Tensors:
    """Merge the learnt tables with the trained rows where these have more hosts or pairs."""
    of_hosts = (trained.key, trained.out, trained.into, trained.seen)
    of_pairs = (trained.pair_key, trained.pair, trained.pair_seen, trained.pair_types)
    merged: Tensors = {}
    for names, old, weighs in ((_OF_HOSTS, of_hosts, (1, 2)), (_OF_PAIRS, of_pairs, (1,))):
        new = [learnt[name] for name in names]
        key = np.concatenate([new[0], old[0]])
        much = np.concatenate([np.max([part[i][:, 0] for i in weighs], 0) for part in (new, old)])
        # the first of each key: the larger one, or if equal the learnt one
        order = np.lexsort((np.arange(key.shape[0]), -much, key))
        first = np.ones(order.shape[0], np.bool_)
        first[1:] = key[order][1:] != key[order][:-1]
        chosen = order[first]
        merged |= {name: np.concatenate([a, b])[chosen] for name, a, b in zip(names, new, old, strict=True)}
    return merged


def _groups(
    hosts: HashTable, pairs: HashTable, known: I64, key: U64, prefix: I64, ends: tuple[F64, F64]
) -> Tensors:
    """Build tables of pairs that share a prefix at one end and the host at the other."""
    senders, receivers = ends
    src, dst = (hosts.find(pairs[name][known]) for name in ("src", "dst"))
    told = (src >= 0) & (dst >= 0)
    told[told] = (prefix[0, src[told]] >= 0) & (prefix[0, dst[told]] >= 0)
    row, src, dst = known[told], src[told], dst[told]
    # by the source's narrow prefix, the destination's and the source's wide one
    near = np.concatenate([prefix[0, src], prefix[0, dst], prefix[1, src]])
    to_prefix = np.repeat([False, True, False], row.shape[0])
    other = np.tile(hosts.keys[dst], 3)
    other[to_prefix] = hosts.keys[src]
    code = np.where(to_prefix, pair_keys(other, key[near]), pair_keys(key[near], other))
    group, first, number, several = np.unique(
        code, return_index=True, return_inverse=True, return_counts=True
    )
    held = several >= FEWEST
    place = np.where(held, np.cumsum(held) - 1, -1).astype(np.int32)
    size, distinct = int(held.sum()), several[held].astype(np.float64)
    total, kinds = np.zeros((size, 7)), np.zeros((size, pairs["types"].shape[1]))
    add_pairs(place[number.reshape(-1)], np.tile(row, 3), pairs["sums"], pairs["types"], total, kinds)
    first = first[held]
    at, back = near[first], to_prefix[first]
    possible = np.maximum(np.where(back, receivers[at], senders[at]), 1)
    # wide ones are the last third
    wide = first >= 2 * row.shape[0]
    share = -np.minimum(distinct / possible, 1) - wide
    many = np.maximum(kinds.sum(1), 1e-9)
    kinds *= np.minimum(np.minimum(distinct, MOST_TYPES) / many, 1)[:, None]
    found = (
        group[held], moments(total, distinct), share.astype(np.float32), kinds.astype(np.float16)
    )  # fmt: skip
    return dict(zip(_OF_PAIRS, found, strict=True))
