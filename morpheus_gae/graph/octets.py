"""Octet features: what an address and its place in the window say about a host."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
F32 = npt.NDArray[np.float32]


def octet_features(host_hi: U64, host_lo: U64, pair_src: I32, pair_dst: I32, pair_flows: I32) -> F32:
    """Address octets and log degrees of each host.

    Returns
    -------
    float32 [N, 8]
        Four octets / 255 (IPv6: the means of its four groups of four bytes / 255, so that neighbouring
        addresses stay close), then the host's share of the window on a log scale, as pairs out, pairs in,
        flows out, flows in: ``1 + ln((1 + x) / (1 + total)) / 12``. Shares, unlike counts, mean the same in
        a short window and in a long one.
    """
    n = host_lo.shape[0]
    out = np.empty((n, 8), np.float32)
    v4 = (host_hi == 0) & ((host_lo >> np.uint64(32)) == 0xFFFF)
    for group, word in enumerate((host_hi >> np.uint64(32), host_hi, host_lo >> np.uint64(32), host_lo)):
        total = sum(((word >> np.uint64(8 * k)) & np.uint64(0xFF)).astype(np.float32) for k in range(4))
        octet = ((host_lo >> np.uint64(24 - 8 * group)) & np.uint64(0xFF)).astype(np.float32)
        out[:, group] = np.where(v4, octet, total / np.float32(4)) / np.float32(255)
    pairs, flows = np.log1p(pair_src.shape[0]), np.log1p(pair_flows.sum())
    out[:, 4] = np.log1p(np.bincount(pair_src, minlength=n)) - pairs
    out[:, 5] = np.log1p(np.bincount(pair_dst, minlength=n)) - pairs
    out[:, 6] = np.log1p(np.bincount(pair_src, pair_flows, n)) - flows
    out[:, 7] = np.log1p(np.bincount(pair_dst, pair_flows, n)) - flows
    out[:, 4:] = 1 + out[:, 4:] / np.float32(12)
    return out
