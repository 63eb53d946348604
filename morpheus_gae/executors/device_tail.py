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
    """

    def __init__(self, tail: TailMap, device: torch.device) -> None:
        self.x, self.y = (torch.from_numpy(np.array(a)).to(device) for a in (tail.x, tail.y))
        self.m, self.k = (float(v) for v in tail.tail)

    def __call__(self, v: Tensor) -> Tensor:
        """float32, elementwise."""
        x, y = self.x, self.y
        i = (torch.bucketize(v, x, right=True) - 1).clamp(0, x.shape[0] - 2)
        inner = y[i] + (v - x[i]) / (x[i + 1] - x[i]) * (y[i + 1] - y[i])
        low = y[0] / (1 + (x[0] - v).clamp(min=0))
        excess = (v - x[-1]).clamp(min=0)
        beyond = excess / self.m if np.isinf(self.k) else self.k * torch.log1p(excess / (self.k * self.m))
        return torch.where(v < x[0], low, torch.where(v > x[-1], y[-1] + beyond, inner))
