"""The kernel that is run once a flow, against its torch form; see ``cuda_kernels``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from morpheus_gae.executors.cuda import flow as cuda_flow
from morpheus_gae.executors.cuda.enriched import EnrichedRows
from morpheus_gae.executors.cuda.tail import DeviceTail
from morpheus_gae.model.calibration import STEEPEST, TailMap
from morpheus_gae.model.enriched import COLUMNS, fit_enriched, tensors_of


def sent(array: np.ndarray, device: str) -> torch.Tensor:
    return torch.from_numpy(array).to(device)


def tail_of(rng: np.random.Generator, device: str, knots: int, m: float, k: float) -> DeviceTail:
    """A map as it is fitted, from a value below most to one above most."""
    rise = rng.random(knots) / knots * 3
    x = np.cumsum(np.maximum(rng.exponential(30 / knots, knots), rise / STEEPEST)).astype(np.float32)
    tail = TailMap(x, np.cumsum(rise).astype(np.float32), np.array([m, k], np.float32))
    return DeviceTail(tail, torch.device(device))


def check_flow(device: str, e: int = 250, p: int = 60, k: int = 32) -> None:
    rng = np.random.default_rng(0)
    edges = tuple(sent(np.unique(rng.exponential(300, n).astype(np.float32)), device) for n in (40, 77, 12))
    sizes = [edge.shape[0] + 1 for edge in edges]
    groups = tuple(sent(np.sort(rng.integers(0, 7, n)).astype(np.int32), device) for n in sizes[:2])
    shapes = ((sizes[0], k), (7, sizes[1], k), (7, sizes[2], k))
    tables = tuple(sent(rng.random(s, np.float32) / s[-2] + np.float32(1e-5), device) for s in shapes)
    attributes = sent(rng.exponential(300, (e, 3)).astype(np.float32), device)
    # on an edge, at nothing, beyond everything
    attributes[:40, 0] = edges[0][:40]
    attributes[40:60], attributes[60:70] = 0, 1e30
    missing, pair = sent(rng.random(e) < 0.2, device), sent(rng.integers(0, p, e), device)
    mix = torch.softmax(sent(rng.normal(size=(p, k)).astype(np.float32), device), 1)
    scaling = torch.tensor([5, 5, 5, 0.7, 0.6, 0.5, 0.01, 0.011, 0.013], device=device)
    tails = [tail_of(rng, device, *shape) for shape in ((96, 3.0, np.inf), (23, 0.5, 4.0))]
    centre = torch.tensor([1.13e9, 1.12e9, 1.14e9], device=device).long()
    tail = tail_of(rng, device, 51, 0.7, 3.0)
    shares = torch.softmax(sent(rng.normal(size=k).astype(np.float32), device), 0)
    calibrated = sent(rng.exponential(2, p).astype(np.float32), device)
    enriched, extra = further(rng, groups, e, k)
    for lift in (None, cuda_flow.Lift(tail, tail.packed, shares)):
        model = cuda_flow.FlowModel.of(edges, groups, tables, scaling, *tails, centre, lift)
        check_flows(attributes, missing, pair, (calibrated, mix, model))
        model = replace(model, enriched=enriched)
        check_flows(attributes, missing, pair, (calibrated, mix, model), extra)


def further(
    rng: np.random.Generator, groups: Sequence[torch.Tensor], e: int, k: int
) -> tuple[EnrichedRows, torch.Tensor]:
    """Codes of further columns as they are fitted, tables, and values: frequent, of any size, none."""
    device = groups[0].device
    frequent = rng.integers(0, 3000, (e, COLUMNS)).astype(np.int32) % [300, 300, 900, 900, 256, 9, 90]
    values = np.where(rng.random((e, COLUMNS)) < 0.2, rng.integers(-2, 2**31 - 1, (e, COLUMNS)), frequent)
    values = values.astype(np.int32)
    known = fit_enriched(values[: e // 2], tuple(group.cpu().numpy() for group in groups))
    tensors = tensors_of(known) | {f"bins.group{i}": group for i, group in enumerate(known.groups)}
    rows = EnrichedRows(tensors, device)
    rows.table = torch.log(sent(rng.random((known.layout.rows, k), np.float32) + np.float32(1e-5), device))
    rows.table[0] = 0
    return rows, sent(values, device)


def check_flows(
    attributes: torch.Tensor,
    missing: torch.Tensor,
    pair: torch.Tensor,
    rest: tuple[torch.Tensor, torch.Tensor, cuda_flow.FlowModel],
    extra: torch.Tensor | None = None,
) -> None:
    want = cuda_flow.flow_scores_torch(attributes, missing, pair, *rest, chunk=64, extra=extra)
    got = cuda_flow.flow_scores(attributes, missing, pair, *rest, extra=extra)
    for a, b in zip(got, want, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    bits = [part[1].view(torch.int64) & ((1 << 29) - 1) for part in (got, want)]
    assert (bits[0] == bits[1]).all()
    assert all(
        part.shape == (0,) for part in cuda_flow.flow_scores(attributes[:0], missing[:0], pair[:0], *rest)
    )
