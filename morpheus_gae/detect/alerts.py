"""Alert rows: the flagged flows with their scores and all input columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.explained import EXPLAINED
from morpheus_gae.detect.threshold import score_of_surprise

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.detect.explain import Explainer
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]

ALERT_COLUMNS = (
    "anomaly_score",
    "surprise",
    "surprise_pair",
    "surprise_flow",
    "is_anomaly",
    "threshold",
    "why",
    "model",
)

REASONS = (
    "unlikely flow",
    "unusual pair of hosts",
    "unusual bytes or duration for this pair",
    "unusual pair of hosts, and unusual bytes or duration",
)
OTHERS = "; other flows of this pair or source are strange too"
COUNTS = "; more flows than usual for this pair or its hosts"

WORDS = tuple(
    reason + others + counts for counts in ("", COUNTS) for others in ("", OTHERS) for reason in REASONS
)
"""What `why` gives indices into."""

GRAPH, ACTIVITY = "surprise_graph", "surprise_activity"
"""Further columns, in nats: what the rest of the window added, if the model has evidence, and the part of it
due to counts, if it has activity."""

AMONG = 1.0
"""Nats from which other flows, or counts, are named in the reason: they make the flow e times rarer."""

BOTH = 0.5
"""A part with at least this share of the larger one is named as well."""


def why(
    pair_part: F32, flow_part: F32, graph_part: F32 | None = None, activity_part: F32 | None = None
) -> npt.NDArray[np.int8]:
    """Which part of the surprise dominates, and what else adds to it, as an index into ``WORDS``.

    Parameters
    ----------
    pair_part, flow_part
        float32 [E], >= 0; both 0 where the model has no parts.
    graph_part
        float32 [E] nats that the rest of the window added, or None.
    activity_part
        float32 [E] part of these nats due to counts, or None.

    Returns
    -------
    int8 [E]
    """
    largest = np.maximum(pair_part, flow_part)
    pair = (pair_part > 0) & (pair_part >= BOTH * largest)
    flow = (flow_part > 0) & (flow_part >= BOTH * largest)
    counts = np.float32(0) if activity_part is None else activity_part
    among = 0 if graph_part is None else graph_part - counts >= AMONG
    return np.asarray(pair + 2 * flow + 4 * among + 8 * (counts >= AMONG), np.int8)


def alert_table(
    flows: Flows,
    scores: Scores,
    keep: Bool,
    threshold: np.float32,
    model: str,
    explainer: Explainer | None = None,
) -> pa.Table:
    """Build the alert rows of the kept flows, in input order.

    Parameters
    ----------
    flows
        E flows of one window.
    scores
        Their scores.
    keep
        bool [E], the flagged flows: those whose surprise reached the threshold.
    threshold
        Threshold on the surprise; converted to the scale of the score.
    model
        ``name@hash``.
    explainer
        Explainer of the scoring model; None: no columns ``explained.EXPLAINED``.

    Returns
    -------
    pyarrow.Table
        The input's columns, then ``ALERT_COLUMNS``, ``GRAPH`` and ``ACTIVITY`` among them where the model has
        them, then ``explained.EXPLAINED``.
        Input columns of these names (such as in earlier output) are replaced.
    """
    import pyarrow as pa

    from morpheus_gae.flows.tables.picked import picked

    index = np.flatnonzero(keep)
    table = picked(flows.table, index)
    table = table.drop_columns(
        [name for name in (*ALERT_COLUMNS, GRAPH, ACTIVITY, *EXPLAINED) if name in table.column_names]
    )
    told = {} if explainer is None else explainer.columns(flows, scores, index, table)
    n = index.shape[0]
    pair_part, flow_part = scores.pair_part[index], scores.flow_part[index]
    surprise = scores.surprise[index]
    more = {
        name: None if part is None else part[index]
        for name, part in ((GRAPH, scores.graph_part), (ACTIVITY, scores.activity_part))
    }
    reasons = pa.DictionaryArray.from_arrays(why(pair_part, flow_part, *more.values()), pa.array(WORDS))
    added = {
        # from the float64 surprise: float32 scores of anomalous flows tie
        "anomaly_score": score_of_surprise(surprise),
        "surprise": surprise,
        "surprise_pair": pair_part,
        "surprise_flow": flow_part,
        **{name: part for name, part in more.items() if part is not None},
        "is_anomaly": surprise >= threshold,
        "threshold": np.full(n, score_of_surprise(threshold)),
        "why": reasons.dictionary_decode(),
        "model": pa.repeat(pa.scalar(model), n),
        **told,
    }
    for name, values in added.items():
        table = table.append_column(name, pa.array(values) if isinstance(values, np.ndarray) else values)
    return table
