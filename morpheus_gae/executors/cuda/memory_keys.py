"""The model's memory on a device: salted keys in wrapping 64-bit arithmetic, found by binary search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from morpheus_gae.executors.cuda.octets import shifted
from morpheus_gae.model.memory import Memory
from morpheus_gae.model.prefixes import NARROW, WIDE, Prefixes

_SIGN = -(1 << 63)
MOST_BITS = 26
"""Of an index: parts are as many as keys up to 67 million."""


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


_C1, _C2, _GOLDEN = (_signed(c) for c in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15))


def mix(x: Tensor) -> Tensor:
    """int64 [N]: SplitMix64's finaliser on the bits of uint64; products and sums wrap around."""
    x = (x ^ shifted(x, 30)) * _C1
    x = (x ^ shifted(x, 27)) * _C2
    return x ^ shifted(x, 31)


def host_keys(hi: Tensor, lo: Tensor, salt: int) -> Tensor:
    """int64 [N]: bits of ``model.memory.host_keys``."""
    return mix(mix(hi + _signed(salt)) + lo * _GOLDEN)


def pair_keys(src: Tensor, dst: Tensor) -> Tensor:
    """int64 [P]: bits of ``model.memory.pair_keys``."""
    return mix(src * _GOLDEN + (dst ^ shifted(dst, 29)))


@dataclass(frozen=True)
class Index:
    """Sorted keys, and where among them a key can be.

    Attributes
    ----------
    keys
        int64 [C], sorted: bits of uint64 with the sign turned, so that signed order is theirs.
    begin
        int32 [last + 2]: first key of each part; keys of a part share their upper bits.
    shift, last
        The part of a key is ``key >> shift & last``.
    steps
        Bisections that the fullest part needs.
    """

    keys: Tensor
    begin: Tensor
    shift: int
    last: int
    steps: int

    @property
    def count(self) -> int:
        """Number of keys, C."""
        return int(self.keys.shape[0])

    @classmethod
    def of(cls, keys: npt.NDArray[np.uint64], device: str) -> Index:
        """Index of ascending keys, about as many parts as keys."""
        bits = min(max(keys.shape[0].bit_length(), 1), MOST_BITS)
        part = (keys >> np.uint64(64 - bits)).astype(np.int64)
        filled = np.bincount(part, minlength=1 << bits)
        begin = np.concatenate([[0], np.cumsum(filled)]).astype(np.int32)
        return cls(
            torch.from_numpy(keys.view(np.int64).copy()).to(device) ^ _SIGN,
            torch.from_numpy(begin).to(device),
            64 - bits, (1 << bits) - 1, int(filled.max()).bit_length(),
        )  # fmt: skip

    def find(self, keys: Tensor) -> Tensor:
        """int64: place of each key; the number of keys where there is none."""
        if not self.count:
            return torch.zeros_like(keys)
        turned = keys ^ _SIGN
        at = torch.searchsorted(self.keys, turned).clamp_(max=self.count - 1)
        return torch.where(self.keys[at] == turned, at, self.count)


class DeviceMemory:
    """A model's memory on a device.

    Parameters
    ----------
    memory
        Counters and sorted keys.
    device
        Where to.

    Attributes
    ----------
    hosts, pairs
        Where to look.
    prefixes, kin
        Likewise, for prefixes of hosts and kin of pairs; None without prefixes.
    of_host
        float32 [H + 1 + R, 16]: counters of what a host sent (7), "seen", what it received (7), 0.
    of_pair
        float32 [Q + 1 + G, 8]: counters (7), "seen".
    types
        float16 [Q + 1 + G, K]. The row behind hosts, or pairs, is zeros, for what is not known; then come
        prefixes, and kin.
    """

    def __init__(self, memory: Memory, device: str, prefixes: Prefixes | None = None) -> None:
        self.salt = _signed(memory.salt)
        self.narrow, self.wide = (_signed(memory.salt + own) for own in (NARROW, WIDE))
        self.hosts, self.pairs = Index.of(memory.host_key, device), Index.of(memory.pair_key, device)
        self.prefixes = None if prefixes is None else Index.of(prefixes.key, device)
        self.kin = None if prefixes is None else Index.of(prefixes.pair_key, device)
        out, into, pair = memory.host_out, memory.host_in, memory.pair
        of_host, of_pair = [_eights(_seen(out, into), out, into)], [_eights(_seen(pair, pair), pair)]
        types = [memory.pair_types]
        if prefixes is not None:
            of_host.append(_eights(prefixes.seen, prefixes.out, prefixes.into))
            of_pair.append(_eights(prefixes.pair_seen, prefixes.pair))
            types.append(prefixes.pair_types)

        def table(parts: Sequence[npt.NDArray[np.generic]]) -> Tensor:
            zeros = np.zeros((1, parts[0].shape[1]), parts[0].dtype)
            return torch.from_numpy(np.concatenate([parts[0], zeros, *parts[1:]])).to(device)

        self.of_host, self.of_pair, self.types = table(of_host), table(of_pair), table(types)


def _seen(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (a[:, 0] + b[:, 0] > 0).astype(np.float32)


def _eights(seen: npt.NDArray[np.float32], *parts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows of eights, which lie within one sector of the device's memory each."""
    rows = np.zeros((seen.shape[0], 8 * len(parts)), np.float32)
    rows[:, 7] = seen
    for i, part in enumerate(parts):
        rows[:, 8 * i : 8 * i + 7] = part
    return rows


class Rows(NamedTuple):
    """Rows of a window's hosts [N], pairs and reverse pairs [P] in a memory's tables, int64 or int32."""

    host: Tensor
    forward: Tensor
    reverse: Tensor


class Found(NamedTuple):
    """Where memory keeps a window's hosts and pairs.

    Attributes
    ----------
    host
        int64 or int32 [N]: row of each host.
    forward, reverse
        int64 or int32 [P]: row of each pair, and of the pair from its destination to its source.
    unseen
        int64 scalar: hosts that memory does not know.
    near
        The same rows, or those of the prefixes and kin that stand in.
    """

    host: Tensor
    forward: Tensor
    reverse: Tensor
    unseen: Tensor
    near: Rows


def find_torch(memory: DeviceMemory, hi: Tensor, lo: Tensor, src: Tensor, dst: Tensor) -> Found:
    """Look hosts and pairs up.

    Parameters
    ----------
    memory
        Of the model.
    hi, lo
        int64 [N] addresses.
    src, dst
        int64 [P] hosts of each pair.
    """
    key = host_keys(hi, lo, memory.salt)
    host = memory.hosts.find(key)
    of_src, of_dst = key[src], key[dst]
    forward, reverse = (memory.pairs.find(pair_keys(a, b)) for a, b in ((of_src, of_dst), (of_dst, of_src)))
    unseen = (host == memory.hosts.count).sum()
    near = Rows(host, forward, reverse)
    if memory.prefixes is not None and memory.kin is not None:
        narrow, wide = prefix_keys(hi, lo, memory)
        first, new = memory.hosts.count + 1, forward == memory.pairs.count
        prefix = _instead(memory.prefixes.find(narrow), memory.prefixes.find(wide), memory.prefixes.count)
        kin = _instead(
            memory.kin.find(pair_keys(narrow[src], of_dst)),
            memory.kin.find(pair_keys(wide[src], of_dst)),
            memory.kin.count,
        )
        back = memory.kin.find(pair_keys(of_src, narrow[dst]))
        near = Rows(
            _behind(host, (host == memory.hosts.count), prefix, memory.prefixes, first),
            _behind(forward, new, kin, memory.kin, memory.pairs.count + 1),
            _behind(reverse, new & (reverse == memory.pairs.count), back, memory.kin, memory.pairs.count + 1),
        )
    return Found(host, forward, reverse, unseen, near)


def prefix_keys(hi: Tensor, lo: Tensor, memory: DeviceMemory) -> tuple[Tensor, Tensor]:
    """int64 [N] each: bits of ``model.prefixes.prefix_keys``."""
    v4 = (hi == 0) & (shifted(lo, 32) == 0xFFFF)
    narrow = host_keys(hi, torch.where(v4, lo & ~0xFF, 0), memory.narrow)
    return narrow, host_keys(hi & ~0xFFFF, torch.where(v4, lo & ~0xFFFF, 0), memory.wide)


def _instead(a: Tensor, b: Tensor, none: int) -> Tensor:
    return torch.where(a == none, b, a)


def _behind(row: Tensor, unknown: Tensor, other: Tensor, index: Index, first: int) -> Tensor:
    """Rows from ``first`` on in place of the unknown, where there are such."""
    return torch.where(unknown & (other < index.count), other + first, row)
