"""Annotated: every row of a table with its scores beside it, also those that are no flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.detect.alerts import GRAPH, OTHERS, REASONS, why
from morpheus_gae.detect.threshold import score_of_surprise

if TYPE_CHECKING:
    from morpheus_gae.api.detector import Detector

BAD = "bad_record"
"""Column with the reason why a row is no flow."""
ADDED = {
    "anomaly_score": pa.float64(),
    "surprise": pa.float64(),
    "surprise_pair": pa.float32(),
    "surprise_flow": pa.float32(),
    GRAPH: pa.float32(),
    "is_anomaly": pa.bool_(),
    "threshold": pa.float64(),
    "why": pa.string(),
    "model": pa.string(),
    BAD: pa.string(),
}
"""Columns that rows get, the same for all models: ``detect.alerts.ALERT_COLUMNS`` and ``bad_record``."""


def annotated(detector: Detector, table: pa.Table) -> pa.Table:
    """A table with the columns of alerts beside its own, in the same order.

    Parameters
    ----------
    detector
        Scores it.
    table
        E records; columns of the names of ``ADDED`` are replaced.

    Returns
    -------
    pyarrow.Table
        E rows: null in the columns of scores where a row is no flow, in ``surprise_graph`` where the model
        has no such part, and in ``bad_record`` where it is one.

    Raises
    ------
    GaeError
        As those of ``Detector.examine``.
    """
    examined = detector.examine(table)
    none = np.isnan(examined.surprise)
    artifact = detector.artifact_
    label = f"{artifact.name}@{artifact.hash}"
    e = table.num_rows
    bad: npt.NDArray[np.object_] = np.full(e, None, object)
    for record in examined.bad:
        bad[record.row] = record.reason.value
    graph_part = examined.graph_part
    words = pa.array((*REASONS, *(reason + OTHERS for reason in REASONS)))
    reasons = why(
        np.nan_to_num(examined.pair_part),
        np.nan_to_num(examined.flow_part),
        None if graph_part is None else np.nan_to_num(graph_part),
    )
    limit = detector.threshold_
    values = {
        "anomaly_score": pa.array(score_of_surprise(examined.surprise), mask=none),
        "surprise": pa.array(examined.surprise, mask=none),
        "surprise_pair": pa.array(examined.pair_part, mask=none),
        "surprise_flow": pa.array(examined.flow_part, mask=none),
        GRAPH: pa.nulls(e, pa.float32()) if graph_part is None else pa.array(graph_part, mask=none),
        "is_anomaly": pa.array(examined.surprise > limit, mask=none),
        "threshold": pa.array(np.full(e, score_of_surprise(limit)), mask=none),
        "why": words.take(pa.array(reasons, mask=none)),
        "model": pa.array([label]).take(pa.array(np.zeros(e, np.int8), mask=none)),
        BAD: pa.array(bad, pa.string()),
    }
    table = table.drop_columns([name for name in ADDED if name in table.column_names])
    for name, kind in ADDED.items():
        table = table.append_column(name, values[name].cast(kind))
    return table
