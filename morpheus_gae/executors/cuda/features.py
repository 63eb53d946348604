"""Edge features of each flow, and their means of each pair: by Triton where it runs, else by torch."""

from __future__ import annotations

import torch
from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import has_triton
from morpheus_gae.model.gae import segment_sum

BY_KERNEL = True
"""False leaves all of it to torch."""


def edge_features_torch(
    attributes: Tensor, missing: Tensor, pair: Tensor, pair_flows: Tensor, scaling: Tensor
) -> tuple[Tensor, Tensor]:
    """``model.features.edge_features``, and their means.

    Parameters
    ----------
    attributes
        float32 [E, 3], as counted.
    missing
        bool [E]: the duration is.
    pair
        int64 [E].
    pair_flows
        int64 [P]: flows of each pair.
    scaling
        float32 [6]: mean and 1 / deviation of each attribute.

    Returns
    -------
    edge
        float32 [E, 4].
    pair
        float32 [P, 5]: mean edge features of each pair's flows, log1p of their number / 4.
    """
    mean, inverse = scaling.view(2, 3)
    f = torch.empty(pair.shape[0], 4, device=pair.device)
    f[:, :3] = ((torch.log1p(attributes) - mean) * inverse).clamp_(-8, 8)
    f[:, 3] = missing
    count = pair_flows.to(torch.float64)
    out = torch.empty(count.shape[0], 5, device=pair.device)
    for c in range(4):
        # float64, since one pair may hold a whole window's flows; a column at a time, since that is double
        out[:, c] = segment_sum(f[:, c].to(torch.float64), pair, count.shape[0]) / count
    out[:, 4] = torch.log1p(count) / 4
    return f, out


def edge_features(
    attributes: Tensor, missing: Tensor, pair: Tensor, pair_flows: Tensor, scaling: Tensor
) -> tuple[Tensor, Tensor]:
    """`edge_features_torch`, by the kernels where those run."""
    if BY_KERNEL and has_triton(pair.device) and pair.shape[0]:
        from morpheus_gae.executors.cuda.triton import features as triton_features

        return triton_features.edge_features(attributes, missing, pair, pair_flows, scaling)
    return edge_features_torch(attributes, missing, pair, pair_flows, scaling)
