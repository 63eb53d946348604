"""Features that need no training: edge features and address-class flags (NumPy reference)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
U64 = npt.NDArray[np.uint64]
CLIP = np.float32(8.0)

_V4_PREFIX = np.uint64(0xFFFF)


def edge_features(attributes: F32, missing: npt.NDArray[np.bool_], mean: F32, scale: F32) -> F32:
    """Standardised log1p of bytes forward, bytes backward and duration, and the missing-duration flag.

    Parameters
    ----------
    attributes
        float32 [E, 3] as counted (bytes, bytes, milliseconds).
    missing
        bool [E].
    mean, scale
        float32 [3] of the training traffic's log1p attributes.

    Returns
    -------
    float32 [E, 4]
        Clipped to +-8 so that one wild counter cannot dominate a window.
    """
    out = np.empty((attributes.shape[0], 4), np.float32)
    out[:, :3] = np.clip((np.log1p(attributes) - mean) / scale, -CLIP, CLIP)
    out[:, 3] = missing
    return out


def class_flags(hi: U64, lo: U64) -> F32:
    """Address classes of each host.

    Returns
    -------
    float32 [N, 5]
        Private (RFC 1918, RFC 6598, RFC 4193), multicast, broadcast-like (255.255.255.255, *.255),
        unspecified / loopback / link-local, IPv6.
    """
    v4 = (hi == 0) & ((lo >> np.uint64(32)) == _V4_PREFIX)
    a = (lo & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    top = a >> np.uint32(24)
    private4 = (
        (top == 10)
        | ((a >> np.uint32(20)) == 0xAC1)
        | ((a >> np.uint32(16)) == 0xC0A8)
        | ((a >> np.uint32(22)) == (0x64400000 >> 22))
    )
    multicast4 = (top >= 224) & (top < 240)
    broadcast4 = ((a & np.uint32(0xFF)) == 255) & ~multicast4
    local4 = (top == 0) | (top == 127) | ((a >> np.uint32(16)) == 0xA9FE)
    byte6 = (hi >> np.uint64(56)).astype(np.uint32)
    private6 = (byte6 & 0xFE) == 0xFC
    multicast6 = byte6 == 0xFF
    local6 = ((hi >> np.uint64(54)) == (0xFE80 >> 6)) | ((hi == 0) & (lo <= 1))
    out = np.empty((hi.shape[0], 5), np.float32)
    out[:, 0] = np.where(v4, private4, private6)
    out[:, 1] = np.where(v4, multicast4, multicast6)
    out[:, 2] = v4 & broadcast4
    out[:, 3] = np.where(v4, local4, local6)
    out[:, 4] = ~v4
    return out
