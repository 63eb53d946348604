"""The model's memory on a device: salted keys in wrapping 64-bit arithmetic, found by binary search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from morpheus_gae.executors.device_octets import shifted
from morpheus_gae.model.memory import Memory

_SIGN = -(1 << 63)


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
class Recalled:
    """What memory says about a window: float32 [P, 10], [P, 24], [P, K], and the number of unseen hosts."""

    existence: Tensor
    profile: Tensor
    types: Tensor
    unseen_hosts: Tensor


class DeviceMemory:
    """A model's memory on a device.

    Parameters
    ----------
    memory
        Counters and sorted keys.
    device
        Where to.
    """

    def __init__(self, memory: Memory, device: str) -> None:
        self.salt = memory.salt

        def keys(array: np.ndarray) -> Tensor:
            # with the sign turned, signed order is the order of the unsigned keys
            return torch.from_numpy(array.view(np.int64).copy()).to(device) ^ _SIGN

        def table(array: np.ndarray) -> Tensor:
            # a row of zeros at the end for what is not known
            rows = np.concatenate([array, np.zeros((1, array.shape[1]), array.dtype)])
            return torch.from_numpy(rows.astype(np.float32)).to(device)

        self.host_key, self.pair_key = keys(memory.host_key), keys(memory.pair_key)
        self.host_out, self.host_in = table(memory.host_out), table(memory.host_in)
        self.pair, self.pair_types = table(memory.pair), table(memory.pair_types)

    def recall(self, host_hi: Tensor, host_lo: Tensor, pair_src: Tensor, pair_dst: Tensor) -> Recalled:
        """Look N hosts and P pairs up."""
        key = host_keys(host_hi, host_lo, self.salt)
        host = _find(self.host_key, key)
        src, dst = key[pair_src], key[pair_dst]
        there, back = (_find(self.pair_key, pair_keys(a, b)) for a, b in ((src, dst), (dst, src)))
        pair, so, si = self.pair[there], self.host_out[host[pair_src]], self.host_in[host[pair_src]]
        do, di = self.host_out[host[pair_dst]], self.host_in[host[pair_dst]]
        counts = torch.stack([pair[:, 0], self.pair[back, 0], so[:, 0], si[:, 0], do[:, 0], di[:, 0]], 1)
        seen = torch.stack(
            [counts[:, 0] > 0, counts[:, 1] > 0, so[:, 0] + si[:, 0] > 0, do[:, 0] + di[:, 0] > 0], 1
        )
        profile: list[Tensor] = []
        for counters in (pair, so, di):
            count = counters[:, :1]
            profile += [torch.log1p(count) / 4, (count > 0).to(torch.float32), counters[:, 1:]]
        return Recalled(
            torch.cat([torch.log1p(counts) / 4, seen.to(torch.float32)], 1),
            torch.cat(profile, 1),
            self.pair_types[there],
            (host == self.host_key.shape[0]).sum(),
        )


def _find(sorted_keys: Tensor, keys: Tensor) -> Tensor:
    """Row of each key; the number of keys, which is the row of zeros, where there is none."""
    none = sorted_keys.shape[0]
    if not none:
        return torch.zeros_like(keys)
    turned = keys ^ _SIGN
    at = torch.searchsorted(sorted_keys, turned).clamp_(max=none - 1)
    return torch.where(sorted_keys[at] == turned, at, none)
