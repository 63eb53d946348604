"""Contributions: a surprise as a sum over pair, flow, counts and the other flows of the window."""

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
"""Of the lesser of pair and flow, see `model.calibration.fuse`."""


def contributions(artifact: Artifact, scores: Scores, index: I64) -> F64:
    """Nats that each part has of a surprise.

    Wherever the model adds values up, each has its own; where it calibrates a sum, which is an increasing
    function of one number, what is told is divided as what went in was::

        pair, flow    the greater of both as 1, the lesser as 0.01: fused = max + 0.01 min
        all four      calibrated(fused), counts, others: surprise = calibrated(their sum)

    So no part is below 0, a part that adds nothing has nothing, and they sum to the surprise.

    Parameters
    ----------
    artifact
        Of the model that scored.
    scores
        Of a window.
    index
        int64 [F] flows to tell about.

    Returns
    -------
    float64 [F, 4]
        As ``CONTRIBUTIONS``; NaN where the model does not tell parts apart.
    """
    surprise = np.asarray(scores.surprise[index], np.float64)
    out = np.full((index.shape[0], len(CONTRIBUTIONS)), np.nan)
    if artifact.spec.edge_decoder or not artifact.spec.memory:
        return out
    pair, flow = scores.pair_part[index], scores.flow_part[index]
    fused = fuse(pair, flow) if artifact.spec.flow_types else pair
    own = artifact.tail("fused")(fused).astype(np.float64)
    p, f = pair.astype(np.float64), flow.astype(np.float64)
    ways = np.stack([np.where(p >= f, p, SHARE * p), np.where(p >= f, SHARE * f, f)], 1)
    whole = ways.sum(1, keepdims=True)
    # two parts of nothing have nothing each: then the pair has what calibration adds
    ways = np.where(whole > 0, ways / np.where(whole > 0, whole, 1), [1.0, 0.0])
    out[:, :2] = own[:, None] * ways
    out[:, 2:] = 0
    if scores.graph_part is not None:
        added = scores.graph_part[index].astype(np.float64)
        if scores.activity_part is not None:
            out[:, 2] = np.minimum(scores.activity_part[index], added)
        out[:, 3] = added - out[:, 2]
    # what comes of nothing is the pair's, as above
    out[out.sum(1) <= 0, 0] = 1.0
    out *= (surprise / out.sum(1))[:, None]
    # rounding goes where it is least
    rows, most = np.arange(index.shape[0]), out.argmax(1)
    out[rows, most] += surprise - out.sum(1)
    return out
