"""Calibration tails on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from morpheus_gae.model.calibration import TailMap


class DeviceTail:
    """``model.calibration.TailMap`` on a device.

    Parameters
    ----------
    tail
        Knots and extrapolation.
    device
        Where to.

    Attributes
    ----------
    x, y
        float32 [M] knots, at least two.
    m, k
        Scale and curvature.
    packed
        float32 [2 M + 2]: x, y, m, k as kernels read them, with k = 0 for infinity.
    """

    def __init__(self, tail: TailMap, device: torch.device) -> None:
        x, y = np.asarray(tail.x, np.float32), np.asarray(tail.y, np.float32)
        if x.shape[0] == 1:
            # a piece needs two ends
            x, y = np.concatenate([np.nextafter(x, -np.inf, dtype=np.float32), x]), np.repeat(y, 2)
        m, k = (float(v) for v in tail.tail)
        packed = np.concatenate([x, y, [m, 0.0 if np.isinf(k) else k]]).astype(np.float32)
        self.packed = torch.from_numpy(packed).to(device)
        self.x, self.y, _ = self.packed.split([x.shape[0], x.shape[0], 2])
        self.m, self.k = m, k

    def __call__(self, v: Tensor) -> Tensor:
        """float32, elementwise."""
        x, y = self.x, self.y
        i = (torch.bucketize(v, x, right=True) - 1).clamp(0, x.shape[0] - 2)
        inner = y[i] + (v - x[i]) / (x[i + 1] - x[i]) * (y[i + 1] - y[i])
        low = y[0] / (1 + (x[0] - v).clamp(min=0))
        excess = (v - x[-1]).clamp(min=0)
        beyond = excess / self.m if np.isinf(self.k) else self.k * torch.log1p(excess / (self.k * self.m))
        return torch.where(v < x[0], low, torch.where(v > x[-1], y[-1] + beyond, inner))
