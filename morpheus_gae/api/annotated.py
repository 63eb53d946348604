"""Annotated: adds scores to every row of a table, including rows that are not flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.api.batches import Account
from morpheus_gae.api.examined import examine
from morpheus_gae.api.reasons import REASONED, Reasons
from morpheus_gae.detect.alerts import ACTIVITY, GRAPH, WORDS, why
from morpheus_gae.detect.threshold import score_of_surprise

if TYPE_CHECKING:
    from morpheus_gae.api.detector import Detector

BAD = "bad_record"
"""Column with the reason why a row is not a flow."""
ADDED = {
    "anomaly_score": pa.float64(),
    "surprise": pa.float64(),
    "surprise_pair": pa.float32(),
    "surprise_flow": pa.float32(),
    GRAPH: pa.float32(),
    ACTIVITY: pa.float32(),
    "is_anomaly": pa.bool_(),
    "threshold": pa.float64(),
    "why": pa.string(),
    "model": pa.string(),
    **REASONED,
    BAD: pa.string(),
}
"""Columns that rows get, the same for all models: those of alerts, and ``bad_record``."""


def annotated(detector: Detector, table: pa.Table) -> pa.Table:
    """Add the columns of alerts to a table, in the same order.

    Parameters
    ----------
    detector
        Scores it.
    table
        E records; columns of the names of ``ADDED`` are replaced.

    Returns
    -------
    pyarrow.Table
        E rows: null in the columns of scores where a row is no flow, in ``surprise_graph``,
        ``surprise_activity`` and contributions where the model has no such part, in what explains where a
        row is not flagged, and in ``bad_record`` where it is a flow.

    Raises
    ------
    GaeError
        As those of ``Detector.examine``.
    """
    artifact, limit = detector.artifact_, detector.threshold_
    account, told = Account(), Reasons(artifact, limit)
    examined = examine(detector._executor(), detector.cut(), table, account, told.add)
    none = np.isnan(examined.surprise)
    label = f"{artifact.name}@{artifact.hash}"
    e = table.num_rows
    bad: npt.NDArray[np.object_] = np.full(e, None, object)
    for record in examined.bad:
        bad[record.row] = record.reason.value
    more = {GRAPH: examined.graph_part, ACTIVITY: examined.activity_part}
    reasons = why(
        np.nan_to_num(examined.pair_part),
        np.nan_to_num(examined.flow_part),
        *(None if part is None else np.nan_to_num(part) for part in more.values()),
    )
    explained = told.of_rows(e, account.partners)
    values = {
        "anomaly_score": pa.array(score_of_surprise(examined.surprise), mask=none),
        "surprise": pa.array(examined.surprise, mask=none),
        "surprise_pair": pa.array(examined.pair_part, mask=none),
        "surprise_flow": pa.array(examined.flow_part, mask=none),
        **{
            name: pa.nulls(e, pa.float32()) if part is None else pa.array(part, mask=none)
            for name, part in more.items()
        },
        "is_anomaly": pa.array(examined.surprise > limit, mask=none),
        "threshold": pa.array(np.full(e, score_of_surprise(limit)), mask=none),
        "why": pa.array(WORDS).take(pa.array(reasons, mask=none)),
        "model": pa.array([label]).take(pa.array(np.zeros(e, np.int8), mask=none)),
        **{name: explained[name] for name in REASONED},
        BAD: pa.array(bad, pa.string()),
    }
    table = table.drop_columns([name for name in ADDED if name in table.column_names])
    for name, kind in ADDED.items():
        table = table.append_column(name, values[name].cast(kind))
    return table
