"""Calibrate: from raw head values of benign validation flows to probabilities and thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.artifact import BUDGETS
from morpheus_gae.model.calibration import TailMap, fit_tail, fuse

F32 = npt.NDArray[np.float32]
CURVATURE = 3.0


def tensors_of(part: str, tail: TailMap) -> dict[str, npt.NDArray[Any]]:
    """The knots of one map, as artifact tensors."""
    return {f"calibration.{part}.{leaf}": getattr(tail, leaf) for leaf in ("x", "y", "tail")}


def identity() -> TailMap:
    """A map that is never used: keeps the artifact's layout the same for every spec."""
    return TailMap(np.array([0, 1], np.float32), np.array([1e-3, 1], np.float32), np.ones(2, np.float32))


def fit_parts(pair_raw: F32 | None, flow_raw: F32 | None) -> dict[str, npt.NDArray[Any]]:
    """Calibrate both heads and their fusion (`calibration.fuse`) on validation flows.

    The fused value is mapped once more, so that P(edge exists) is the share of benign flows at least as
    strange: a score of 0.999 is as strange as one benign flow in a thousand.
    """
    fits = {
        "pair": identity() if pair_raw is None else fit(pair_raw, knots=96),
        "flow": identity() if flow_raw is None else fit(flow_raw, knots=96),
    }
    parts = [fits[k](raw) for k, raw in (("pair", pair_raw), ("flow", flow_raw)) if raw is not None]
    fused = fuse(parts[0], parts[-1]) if len(parts) == 2 else parts[0]
    fits["fused"] = fit(fused, knots=192)
    return {k: v for part, tail in fits.items() for k, v in tensors_of(part, tail).items()}


def fit(raw: F32, knots: int) -> TailMap:
    """Empirical as far as 10 validation flows lie beyond, extrapolated from there."""
    n = max(raw.shape[0], 1)
    return fit_tail(raw, knots=knots, upto=min(max(1 - 10 / n, 0.95), 0.9999), k=CURVATURE)


def thresholds(surprise: F32) -> dict[str, float]:
    """Threshold on the surprise for each alert budget: the quantile of benign validation flows.

    A budget with fewer than 10 validation flows above it is extrapolated from the mean excess over the
    95th percentile (an exponential tail); `Artifact.supported_budgets` says which are not.
    """
    s = np.sort(surprise.astype(np.float64))
    n = s.shape[0]
    base = s[min(int(0.95 * n), n - 1)]
    excess = max(float((s[s >= base] - base).mean()), 1e-3)
    out = {}
    for budget in BUDGETS:
        share = float(budget)
        if n * share >= 10:
            cut = s[n - 1 - int(share * n)]
            # the next float32: no flow lies between one and its refinement
            near = np.float32(cut)
            out[budget] = float(near if near > cut else np.nextafter(near, np.float32(np.inf)))
        else:
            out[budget] = float(np.float32(base + excess * np.log(0.05 / share)))
    # budgets must nest even where one is counted and the next extrapolated
    for tight, loose in zip(reversed(BUDGETS[:-1]), reversed(BUDGETS[1:]), strict=True):
        out[tight] = max(out[tight], out[loose])
    return out


def quantiles(surprise: F32) -> dict[str, npt.NDArray[Any]]:
    """Quantiles of the surprise on benign validation flows, dense in the upper tail."""
    probability = np.concatenate([np.linspace(0, 0.95, 96), 1 - np.geomspace(0.05, 1e-5, 64)[1:]])
    values = np.quantile(surprise.astype(np.float64), probability)
    return {
        "quantiles.probability": probability.astype(np.float64),
        "quantiles.surprise": values.astype(np.float32),
    }
