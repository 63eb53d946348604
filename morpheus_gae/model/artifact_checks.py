"""Checks of an artifact's values: everything that an executor indexes, divides by or takes a logarithm of.

Types and shapes are right by then (`artifact_schema`). A value that is not what training writes would not
only give wrong scores: kernels turn numbers into places in tables and check neither, so a NaN is a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model import activity, evidence, partners
from morpheus_gae.model.artifact_config import MOST_SURPRISE
from morpheus_gae.model.artifact_reach import MOST, reach
from morpheus_gae.model.artifact_schema import maps
from morpheus_gae.model.enriched import COLUMNS, FIRST_TABLE
from morpheus_gae.model.spec import ModelSpec

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

DEEPEST_TAU = -30.0
"""Its softplus is still a normal float32: pairs of no known flow type divide by it."""
STANDARDISED = 16.0
"""Means and deviations of attributes that were clipped to +-8, with room for rounding."""
NARROWEST, STEEPEST = 1e-6, 1e3
"""Of a calibration map: its knots' whole width and its slope stay finite when one divides by the other."""
LIGHTEST = 0.1
"""Weight of a past: a flow's own surprise counts for more than what the others of its pair say about it."""
ROUNDED, RAREST = 1e-3, 1e-12
"""Of a sum of shares, and of a share."""
FOLD = 4096
_INFINITE_HALF = 0x7C00
"""Bits of a float16 infinity; NaN and every number with a sign have more."""


def value_flaw(spec: ModelSpec, tensors: Tensors) -> str | None:
    """What is wrong with the values of an artifact's tensors, or None.

    Parameters
    ----------
    spec
        Of the model.
    tensors
        All of the schema's, with its types and shapes.
    """
    # a NaN is looked for, not to be warned of
    with np.errstate(all="ignore"):
        return next(_flaws(spec, tensors), None)


def _flaws(spec: ModelSpec, t: Tensors) -> Iterator[str]:
    for name, tensor in t.items():
        # k of a tail may be infinite; the memory is looked at by columns
        if (
            tensor.dtype.kind == "f"
            and not name.startswith(("memory.", "prefix."))
            and not name.endswith(".tail")
        ):
            yield from _infinite(name, tensor.min(), tensor.max())
    yield from _scale(t)
    yield from _quantiles(t)
    if spec.memory:
        yield from _memory(
            t,
            ("memory.host_key", "memory.pair_key"),
            ("memory.host_out", "memory.host_in", "memory.pair"),
            "memory.pair_types",
        )
    if spec.prefixes:
        yield from _prefixes(t)
    if not spec.edge_decoder:
        for part in maps(spec):
            yield from _calibration(t, f"calibration.{part}")
    if spec.evidence:
        yield from _evidence(t)
    if spec.activity:
        yield from _spreads("activity.prior", t)
    if spec.partners:
        yield from _spreads("partners.prior", t)
        past = t["partners.past"]
        if past.min() < 0 or past.max() > partners.MOST_PAST:
            yield f"partners.past must be from 0 to {partners.MOST_PAST:g}"
    if spec.flow_types:
        yield from _bins(t)
        if t["net.tau"][0] < DEEPEST_TAU:
            yield f"net.tau is below {DEEPEST_TAU:g}"
    if spec.lift:
        share = t["lift.share"].astype(np.float64)
        if share.min() < RAREST or abs(share.sum() - 1) > ROUNDED:
            yield f"lift.share must hold shares from {RAREST:g}, which sum to 1"
    if spec.enriched:
        yield from _extra(t)
    for level in range(spec.unet_depth):
        if not np.linalg.norm(t[f"net.unet.pool.{level}"]) > NARROWEST:
            yield f"net.unet.pool.{level} has no direction"
    if not reach(spec, t) <= MOST:
        yield f"the weights (net.*) reach numbers above {MOST:g}, where float32 ends soon"


def _scale(t: Tensors) -> Iterator[str]:
    # of log1p attributes: a float32's is below 89
    if np.abs(t["scale.mean"]).max() > 100:
        yield "scale.mean is no mean of logarithms"
    if t["scale.std"].min() < NARROWEST or t["scale.std"].max() > 100:
        yield f"scale.std must be {NARROWEST:g} to 100"


def _quantiles(t: Tensors) -> Iterator[str]:
    probability, surprise = t["quantiles.probability"], t["quantiles.surprise"]
    if probability[0] < 0 or probability[-1] > 1 or not _ascends(probability):
        yield "quantiles.probability must ascend within 0 to 1"
    if surprise[0] < 0 or surprise[-1] > MOST_SURPRISE or (surprise[1:] < surprise[:-1]).any():
        yield f"quantiles.surprise must ascend within 0 to {MOST_SURPRISE:g}"


def _memory(t: Tensors, keys: tuple[str, ...], counters: tuple[str, ...], types: str) -> Iterator[str]:
    for name in keys:
        if not _ascends(t[name]):
            yield f"{name} must ascend, without a key twice"
    for name in counters:
        low, high = columns(t[name])
        yield from _infinite(name, low.min(), high.max())
        if low[0] < 0:
            yield f"{name} has negative counts"
        if low[4:].min() < 0:
            yield f"{name} has negative deviations"
        if max(-low[1:].min(), high[1:].max()) > STANDARDISED:
            yield f"{name} has means or deviations beyond {STANDARDISED:g}"
    if t[types].view(np.uint16).max() >= _INFINITE_HALF:
        yield f"{types} must be finite and not negative"


def _prefixes(t: Tensors) -> Iterator[str]:
    yield from _memory(
        t, ("prefix.key", "prefix.pair_key"), ("prefix.out", "prefix.in", "prefix.pair"), "prefix.pair_types"
    )
    for name in ("prefix.seen", "prefix.pair_seen"):
        if not (t[name].min() >= -2 and t[name].max() <= 0):
            yield f"{name} must be from -2 to 0"


def _calibration(t: Tensors, part: str) -> Iterator[str]:
    x, y = (t[f"{part}.{leaf}"].astype(np.float64) for leaf in ("x", "y"))
    m, k = (float(v) for v in t[f"{part}.tail"])
    if not _ascends(x):
        yield f"{part}.x must ascend"
    elif np.abs(x).max() > MOST or (x.shape[0] > 1 and x[-1] - x[0] < NARROWEST):
        yield f"{part}.x must be at least {NARROWEST:g} wide, and within {MOST:g}"
    if y[0] <= 0 or y[-1] > 1e6 or not _ascends(y):
        yield f"{part}.y must ascend, above 0"
    elif (np.diff(y) > STEEPEST * np.diff(x)).any():
        yield f"{part} is steeper than {STEEPEST:g}"
    if not NARROWEST <= m <= MOST or not (NARROWEST <= k <= 1e6 or k == np.inf):
        yield f"{part}.tail must be a scale from {NARROWEST:g} and a curvature from {NARROWEST:g}"


def _evidence(t: Tensors) -> Iterator[str]:
    prior = t["evidence.prior"].astype(np.float64)
    means = {
        "evidence.pair": t["evidence.pair"],
        "evidence.source": t["evidence.source"],
        "evidence.prior": prior[:1],
    }
    for name, mean in means.items():
        if mean.min() < 0 or mean.max() > evidence.UPTO:
            yield f"{name} must have means from 0 to {evidence.UPTO:g}"
    if prior[1:3].min() < LIGHTEST or prior[1:].max() > MOST or prior[3] < 1:
        yield f"evidence.prior must have weights from {LIGHTEST:g} and a window from 1"
    x, y = (t[f"evidence.new.{leaf}"].astype(np.float64) for leaf in ("x", "y"))
    if x[0] < 0 or x[-1] > MOST or not _ascends(x):
        yield f"evidence.new.x must ascend within 0 to {MOST:g}"
    elif y[0] != 0 or y[-1] > evidence.MOST_NEW or (y[1:] < y[:-1]).any():
        yield f"evidence.new.y must rise from 0 to at most {evidence.MOST_NEW:g}"
    elif (np.diff(y) > evidence.STEEPEST * np.diff(x)).any():
        yield f"evidence.new is steeper than {evidence.STEEPEST:g}"


def _spreads(name: str, t: Tensors) -> Iterator[str]:
    burst, spread, start, slope = t[name].astype(np.float64).T
    if burst.min() < 1 or spread.min() < 0 or max(burst.max(), spread.max()) > MOST_SURPRISE:
        yield f"{name} must have bursts from 1 and spreads from 0, to {MOST_SURPRISE:g}"
    if start.min() < 0 or start.max() > MOST_SURPRISE:
        yield f"{name} must have starts from 0 to {MOST_SURPRISE:g}"
    if slope.min() < 0 or slope.max() > activity.STEEPEST:
        yield f"{name} must have slopes from 0 to {activity.STEEPEST:g}"


def _bins(t: Tensors) -> Iterator[str]:
    for i in range(3):
        edges = t[f"bins.edges{i}"]
        if edges[0] < 0 or not _ascends(edges):
            yield f"bins.edges{i} must ascend from 0 or more"
    for i, table in enumerate(("net.table2", "net.table3")):
        group, groups = t[f"bins.group{i}"].astype(np.int64), t[table].shape[0]
        steps = np.diff(group)
        if group[0] != 0 or group[-1] != groups - 1 or ((steps != 0) & (steps != 1)).any():
            yield f"bins.group{i} must count from 0 to the last of the {groups} groups of {table}"


def _extra(t: Tensors) -> Iterator[str]:
    for i in range(COLUMNS):
        edges, code = t[f"extra.edges{i}"], t[f"extra.code{i}"].astype(np.int64)
        if edges[0] != 0 or not _ascends(edges):
            yield f"extra.edges{i} must ascend from 0"
        table = f"net.table{FIRST_TABLE + i}"
        if code[0] != 0 or code.min() < 0 or code.max() != t[table].shape[1] - 1:
            yield f"extra.code{i} must hold codes from 0 to the last of {table}"


def columns(table: Array) -> tuple[Array, Array]:
    """Least and greatest value of each column [C] of a table [R, C] of millions of rows.

    NumPy takes 3 s for 10 million short rows one by one, and 0.2 s for long ones made of 4,096 each.
    """
    rows, width = table.shape
    whole = rows - rows % FOLD
    parts = [table[whole:]] if whole < rows else []
    if whole:
        folded = table[:whole].reshape(-1, FOLD * width)
        parts += [folded.min(0).reshape(FOLD, width), folded.max(0).reshape(FOLD, width)]
    few = np.concatenate(parts)
    return few.min(0), few.max(0)


def _infinite(name: str, low: Any, high: Any) -> Iterator[str]:
    # NaN is the least and the greatest of any array that holds one
    if not (-np.inf < low and high < np.inf):
        yield f"{name} holds NaN or infinity"


def _ascends(a: Array) -> bool:
    return bool((a[1:] > a[:-1]).all())
