"""Contributions: decomposes a surprise into pair, flow, counts and other flows of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

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
    n = index.shape[0]
    if artifact.spec.edge_decoder or not artifact.spec.memory:
        return np.full((n, len(CONTRIBUTIONS)), np.nan)
    from morpheus_gae.detect.contribution_kernels import contribute

    tail, none = artifact.tail("fused"), np.zeros(0, np.float32)
    # a row a part
    out = np.empty((len(CONTRIBUTIONS), n))
    parts = scores.pair_part, scores.flow_part, scores.graph_part, scores.activity_part
    pair, flow, others, counts = (none if part is None else part.take(index) for part in parts)
    contribute(
        pair, flow, others, counts, np.asarray(scores.surprise.take(index), np.float64), tail.x, tail.y,
        tail.tail, bool(artifact.spec.flow_types), PARTS, out,
    )  # fmt: skip
    return out.T
