"""Ties on a device: `model.ties.apart` in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from morpheus_gae.model.ties import ABOVE, BELOW, FURTHEST, SHIFT


def apart(surprise: Tensor, attributes: Tensor, missing: Tensor, centre: Tensor) -> Tensor:
    """float64 [E] of float32 [E], attributes float32 [E, 3], missing bool [E], centre int64 [3]."""
    total = missing.to(torch.int64) << SHIFT
    # a column at a time: a window may hold millions
    for c in range(3):
        away = (attributes[:, c] + 1.0).view(torch.int32).to(torch.int64) - centre[c]
        far = away.abs().clamp_(max=FURTHEST)
        total += torch.where(away < 0, far * BELOW[c], far * ABOVE[c])
    wide = surprise.to(torch.float64).view(torch.int64)
    return (wide | (total >> SHIFT)).view(torch.float64)
