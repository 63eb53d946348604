"""Calibrate: from raw head values of the training flows to probabilities and thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.artifact import BUDGETS
from morpheus_gae.model.calibration import TailMap, fit_far, fuse
from morpheus_gae.train.spool import blocks

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
if TYPE_CHECKING:
    from morpheus_gae.train.cross import Raw
    from morpheus_gae.train.once import Strangest


def tensors_of(part: str, tail: TailMap) -> dict[str, npt.NDArray[Any]]:
    """The knots of one map, as artifact tensors."""
    return {f"calibration.{part}.{leaf}": getattr(tail, leaf) for leaf in ("x", "y", "tail")}


def identity() -> TailMap:
    """A map that is never used: keeps the artifact's layout the same for every spec."""
    return TailMap(np.array([0, 1], np.float32), np.array([1e-3, 1], np.float32), np.ones(2, np.float32))


@dataclass(frozen=True)
class Calibrated:
    """Maps as artifact tensors, and the surprise of every training flow, float32 [E]."""

    tensors: dict[str, npt.NDArray[Any]]
    surprise: F32


def calibrate_heads(raw: Raw, counted: Bool, fresh: Bool) -> Calibrated:
    """Calibrate the heads, and their fusion (`calibration.fuse`), on training flows.

    The fused value is mapped once more, so that P(edge exists) is the share of benign flows at least as
    strange: a score of 0.999 is as strange as one benign flow in a thousand.

    Parameters
    ----------
    raw
        Heads of every training flow, from a memory that does not know it.
    counted
        bool [E]: flows that stand for benign traffic.
    fresh
        bool [E]: flows that the weights were not fitted to either. They alone say what the likelihood of a
        flow is worth: tables have learnt the sizes of the others. Those are mapped by a map of their own, so
        that all take part in the fusion and in thresholds.
    """
    if raw.edge is not None:
        return Calibrated({}, raw.edge)
    maps = {"pair": identity(), "flow": identity()}
    parts = []
    if raw.pair is not None:
        maps["pair"] = fit_far(raw.pair[counted], knots=96)
        parts.append(mapped(maps["pair"], raw.pair))
    if raw.flow is not None:
        maps["flow"], part = _likelihood(raw.flow, counted, fresh)
        if raw.lift is not None:
            maps["lift"], other = _likelihood(raw.lift, counted, fresh)
            part = fuse(part, other)
            del other
        parts.append(part)
    fused = fuse(parts[0], parts[-1]) if len(parts) == 2 else parts[0]
    del parts
    maps["fused"] = fit_far(fused[counted], knots=192)
    tensors = {k: v for part, tail in maps.items() for k, v in tensors_of(part, tail).items()}
    return Calibrated(tensors, mapped(maps["fused"], fused))


def _likelihood(raw: F32, counted: Bool, fresh: Bool) -> tuple[TailMap, F32]:
    """Map of a likelihood, and what it makes of each flow, float32 [E]; see ``calibrate_heads``."""
    tail = fit_far(raw[counted & fresh], knots=96)
    part = mapped(tail, raw)
    if not fresh.all():
        part[~fresh] = mapped(fit_far(raw[counted & ~fresh], knots=96), raw[~fresh])
    return tail, part


def mapped(tail: TailMap, values: F32) -> F32:
    """A map of many values: its float64 steps take room for a block of them."""
    out = np.empty(values.shape[0], np.float32)
    for part in blocks(values.shape[0]):
        out[part] = tail(values[part])
    return out


def again(surprise: F32) -> TailMap:
    """Map of values that were calibrated before, and raised since.

    They bend already, far out: an exponential tail, at least as steep as they are, so that values which
    float32 tells apart do not meet there.
    """
    tail = fit_far(surprise, knots=192, k=np.inf)
    return TailMap(tail.x, tail.y, np.minimum(tail.tail, np.array([1, np.inf], np.float32)))


def thresholds(surprise: F32, once: Strangest | None = None) -> dict[str, float]:
    """Threshold on the surprise for each alert budget: the quantile of benign validation flows.

    Parameters
    ----------
    surprise
        float32 [V] of benign validation flows.
    once
        The same flows' strangest, a burst counted once; None: each flow counts.

    Notes
    -----
    A budget with fewer than 10 validation flows above it is extrapolated from the mean excess over the
    95th percentile (an exponential tail); `Artifact.supported_budgets` says which are not.
    """
    s = np.sort(surprise)
    n = s.shape[0]
    base = float(s[min(int(0.95 * n), n - 1)])
    excess = max(float((s[np.searchsorted(s, s.dtype.type(base)) :].astype(np.float64) - base).mean()), 1e-3)
    out = {}
    for budget in BUDGETS:
        share = float(budget)
        if n * share >= 10:
            cut = float(s[n - 1 - int(share * n)] if once is None else once.beyond(share))
            # the next float32: no flow lies between one and its refinement
            near = np.float32(cut)
            out[budget] = float(near if near > cut else np.nextafter(near, np.float32(np.inf)))
        else:
            out[budget] = float(np.float32(base + excess * np.log(0.05 / share)))
    # budgets must nest even where one is counted and the next extrapolated
    for tight, loose in zip(reversed(BUDGETS[:-1]), reversed(BUDGETS[1:]), strict=True):
        out[tight] = max(out[tight], out[loose])
    return out


def quantiles(surprise: F32, once: Strangest | None = None) -> dict[str, npt.NDArray[Any]]:
    """Quantiles of the surprise on benign validation flows, dense in the upper tail.

    Parameters
    ----------
    surprise, once
        See ``thresholds``: in the upper tail a burst counts once, as it does for them.
    """
    tail = np.geomspace(0.05, 1e-5, 64)[1:]
    probability = np.concatenate([np.linspace(0, 0.95, 96), 1 - tail])
    s = np.sort(surprise)
    # np.quantile of float64 values, of which only those beside the quantiles need be any
    at = probability * (s.shape[0] - 1)
    low = np.floor(at).astype(np.int64)
    a, b = s[low].astype(np.float64), s[np.minimum(low + 1, s.shape[0] - 1)].astype(np.float64)
    t = at - low
    values = np.where(t >= 0.5, b - (b - a) * (1 - t), a + (b - a) * t)
    if once is not None:
        # bursts alone may have been beyond the last flow that counts: quantiles rise
        cut = np.array([once.beyond(float(share)) for share in tail])
        upper = np.maximum.accumulate(np.minimum(cut, values[-tail.shape[0] :]))
        values[-tail.shape[0] :] = np.maximum(upper, values[-tail.shape[0] - 1])
    return {
        "quantiles.probability": probability.astype(np.float64),
        "quantiles.surprise": values.astype(np.float32),
    }
