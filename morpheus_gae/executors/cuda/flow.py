"""Scores of flows on a device, from what their pairs say: a Triton kernel where there is one, else torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from morpheus_gae.executors.cuda.dispatch import has_triton, power_of_two
from morpheus_gae.executors.cuda.enriched import EnrichedRows
from morpheus_gae.executors.cuda.tail import DeviceTail
from morpheus_gae.executors.cuda.ties import apart
from morpheus_gae.model.lift import POWER

CHUNK = 1 << 19
"""Flows whose [flows, types] array is held at a time without the kernel."""
BY_KERNEL = True
"""False leaves all of it to torch."""
FlowScores = tuple[Tensor, Tensor, Tensor, Tensor]


class Lift(NamedTuple):
    """What takes off how rare flows are everywhere, see ``model.lift``.

    Attributes
    ----------
    tail
        Its calibration.
    packed
        float32: the tail's numbers, as kernels read them.
    shares
        float32 [K] of the flow types in all traffic.
    """

    tail: DeviceTail
    packed: Tensor
    shares: Tensor


@dataclass(frozen=True)
class FlowModel:
    """What is known of flows of any pair.

    Attributes
    ----------
    edges
        Three float32 [B], ascending.
    groups
        int32 [B1] and [B2]: group of each bin of forward and of backward bytes.
    tables
        float32 [B1, K], [G1, B2, K], [G2, B3, K] probabilities.
    scaling
        float32 [9]: mean, 1 / deviation, and weight of the weak Gaussian term, of each attribute.
    flow_tail, fused_tail
        Calibration of a flow's value, and of both parts together.
    centre
        int64 [3], see ``model.ties.centre_of``.
    rows
        float32 [B1 + G1 B2 + G2 B3, K]: the tables, one behind the other.
    numbers
        float32: edges, scaling, both tails (x, y, m, k), and with lift its tail and shares, one behind the
        other, as the kernel reads them.
    places
        int32 [B1 + B2 + 3]: row where the second and the third table begin for each bin of the first and
        of the second attribute; the centre.
    enriched
        Further columns, of an enriched model.
    lift
        What takes off how rare flows are everywhere, of a model with that.
    """

    edges: tuple[Tensor, ...]
    groups: tuple[Tensor, ...]
    tables: tuple[Tensor, ...]
    scaling: Tensor
    flow_tail: DeviceTail
    fused_tail: DeviceTail
    centre: Tensor
    rows: Tensor
    numbers: Tensor
    places: Tensor
    enriched: EnrichedRows | None = None
    lift: Lift | None = None

    @classmethod
    def of(
        cls,
        edges: tuple[Tensor, ...],
        groups: tuple[Tensor, ...],
        tables: tuple[Tensor, ...],
        scaling: Tensor,
        flow_tail: DeviceTail,
        fused_tail: DeviceTail,
        centre: Tensor,
        lift: Lift | None = None,
    ) -> FlowModel:
        """Lay out what the kernel reads."""
        k = tables[0].shape[1]
        bins = [table.shape[-2] for table in tables]
        second = bins[0] + groups[0] * bins[1]
        third = bins[0] + tables[1].shape[0] * bins[1] + groups[1] * bins[2]
        return cls(
            edges, groups, tables, scaling, flow_tail, fused_tail, centre,
            torch.cat([table.reshape(-1, k) for table in tables]),
            torch.cat([*edges, scaling, flow_tail.packed, fused_tail.packed, *(lift or ())[1:]]),
            torch.cat([second, third, centre]).to(torch.int32), lift=lift,
        )  # fmt: skip


def flow_values_torch(
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    mix: Tensor,
    model: FlowModel,
    chunk: int,
    extra: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """float32 [E]: -ln likelihood of each flow's attributes under its pair's mixture of flow types.

    With lift a second one: what is left of it beside all traffic's.
    """
    k = mix.shape[1]
    edges, groups, tables = model.edges, model.groups, model.tables
    flat = [table.reshape(-1, k) for table in tables]
    mean, inverse, smooth = model.scaling.view(3, 3)
    out = mix.new_empty(pair.shape[0])
    lift = None if model.lift is None else torch.empty_like(out)
    for lo in range(0, pair.shape[0], chunk):
        cut = slice(lo, lo + chunk)
        x = attributes[cut]
        z = ((torch.log1p(x) - mean) * inverse).clamp_(-8, 8)
        b = [torch.bucketize(x[:, c].contiguous(), edges[c], right=True) for c in range(3)]
        b[2] = torch.where(missing[cut], 0, b[2])
        like = flat[0][b[0]]
        like *= flat[1][groups[0][b[0]].long() * tables[1].shape[1] + b[1]]
        like *= flat[2][groups[1][b[1]].long() * tables[2].shape[1] + b[2]]
        logs = extra is not None and model.enriched is not None
        if extra is not None and model.enriched is not None:
            # products of so many factors do not fit a float32
            like = model.enriched.added(torch.log_(like), extra[cut], b, groups)
        out[cut] = z.square() @ smooth - _mixed(like, mix[pair[cut]], logs)
        if lift is not None and model.lift is not None:
            lift[cut] = out[cut] + POWER * _mixed(like, model.lift.shares, logs)
    return out, lift


def _mixed(like: Tensor, shares: Tensor, logs: bool) -> Tensor:
    """float32 [E] ln of likelihoods [E, K], logarithms of such or themselves, mixed by shares."""
    if logs:
        return torch.logsumexp(like + torch.log(shares), 1)
    return torch.log((like * shares).sum(1))


def flow_scores_torch(
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    calibrated: Tensor,
    mix: Tensor,
    model: FlowModel,
    chunk: int = CHUNK,
    extra: Tensor | None = None,
) -> FlowScores:
    """Scores of each flow.

    Parameters
    ----------
    attributes
        float32 [E, 3], as counted.
    missing
        bool [E]: the duration is.
    pair
        int64 [E].
    calibrated
        float32 [P]: the pair's part of a surprise.
    mix
        float32 [P, K] shares of the flow types.
    model
        What is known of flows of any pair.
    chunk
        Flows at a time.
    extra
        int32 [E, 7] further columns, of an enriched model.

    Returns
    -------
    score, surprise, pair_part, flow_part
        As in ``DeviceScores``.
    """
    pair_part = calibrated[pair]
    flow, lift = flow_values_torch(attributes, missing, pair, mix, model, chunk, extra)
    flow_part = model.flow_tail(flow)
    if lift is not None and model.lift is not None:
        flow_part = _fused(flow_part, model.lift.tail(lift))
    fused = _fused(pair_part, flow_part)
    surprise = model.fused_tail(fused)
    told = apart(surprise, attributes, missing, model.centre)
    return -torch.expm1(-surprise), told, pair_part, flow_part


def _fused(one: Tensor, other: Tensor) -> Tensor:
    return torch.maximum(one, other) + 0.01 * torch.minimum(one, other)


def flows_by_kernel(device: torch.device, types: int) -> bool:
    """Whether the kernel runs there."""
    return BY_KERNEL and has_triton(device) and power_of_two(types)


def flow_scores(
    attributes: Tensor,
    missing: Tensor,
    pair: Tensor,
    calibrated: Tensor,
    mix: Tensor,
    model: FlowModel,
    chunk: int = CHUNK,
    extra: Tensor | None = None,
) -> FlowScores:
    """`flow_scores_torch`, by the kernel where that runs."""
    if pair.shape[0] and flows_by_kernel(pair.device, mix.shape[1]):
        from morpheus_gae.executors.cuda.triton import flow as triton_flow

        return triton_flow.flow_scores(attributes, missing, pair, calibrated, mix, model, extra)
    return flow_scores_torch(attributes, missing, pair, calibrated, mix, model, chunk, extra)
