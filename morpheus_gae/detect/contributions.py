"""Contributions: decomposes a surprise into pair, flow, counts and other flows of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.calibration import fuse

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.model.artifact import Artifact

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CONTRIBUTIONS = (
    "contribution_pair",
    "contribution_flow",
    "contribution_activity",
    "contribution_neighbours",
)
SHARE = 0.01
"""Weight of the smaller of pair and flow, see `model.calibration.fuse`."""

PARTS = 1e6
"""Contributions are told in parts of a nat of this many."""


def contributions(artifact: Artifact, scores: Scores, index: I64) -> F64:
    """Return the contribution of each part to a surprise, in nats.

    Where the model adds values, each contributes itself; where it calibrates a sum (an increasing function of
    one number), the result is divided in proportion to the inputs::

        pair, flow    the larger weighs 1, the smaller 0.01: fused = max + 0.01 min
        all four      calibrated(fused), counts, others: surprise = calibrated(their sum)

    No part is below 0, a part that adds nothing contributes 0. Parts are in millionths of a nat, and sum to
    the surprise rounded to such.

    Parameters
    ----------
    artifact
        Of the model that scored.
    scores
        Of a window.
    index
        int64 [F] flows to explain.

    Returns
    -------
    float64 [F, 4]
        As ``CONTRIBUTIONS``; NaN where the model has no parts.
    """
    surprise = np.asarray(scores.surprise[index], np.float64)
    if artifact.spec.edge_decoder or not artifact.spec.memory:
        return np.full((index.shape[0], len(CONTRIBUTIONS)), np.nan)
    pair, flow = scores.pair_part[index], scores.flow_part[index]
    fused = fuse(pair, flow) if artifact.spec.flow_types else pair
    own = artifact.tail("fused")(fused).astype(np.float64)
    p, f = pair.astype(np.float64), flow.astype(np.float64)
    p, f = np.where(p >= f, p, SHARE * p), np.where(p >= f, SHARE * f, f)
    whole = p + f
    # if both parts are 0, what calibration adds is the pair's
    none = whole <= 0
    p[none] = whole[none] = 1.0
    # a row a part: sums over four of a column are slow
    out = np.zeros((len(CONTRIBUTIONS), index.shape[0]))
    np.divide(own * p, whole, out=out[0])
    np.divide(own * f, whole, out=out[1])
    if scores.graph_part is not None:
        added = scores.graph_part[index].astype(np.float64)
        if scores.activity_part is not None:
            np.minimum(scores.activity_part[index], added, out=out[2])
        np.subtract(added, out[2], out=out[3])
    total = out.sum(0)
    # as above: a result from zeros is the pair's
    none = total <= 0
    out[0, none] = total[none] = 1.0
    out *= surprise / total
    # few decimals are quick to write; what rounding takes away goes to the largest part
    largest = out.argmax(0), np.arange(index.shape[0])
    out *= PARTS
    np.floor(out, out=out)
    out[largest] += np.rint(surprise * PARTS) - out.sum(0)
    out /= PARTS
    return out.T
