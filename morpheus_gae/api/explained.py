"""Explained: flows with their scores and reasons, as in alerts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.explain import Explainer
from morpheus_gae.flows.tables.concat import stack

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact

ROW = "row"


def explained(
    windows: Iterable[tuple[Flows, Scores]], artifact: Artifact, threshold: np.float32, flagged: bool
) -> pa.Table:
    """Rows of alerts.

    Parameters
    ----------
    windows
        Flows with their scores.
    artifact
        That scored them.
    threshold
        On the surprise.
    flagged
        Leave out flows below it.

    Returns
    -------
    pyarrow.Table
        The flows' columns, those of alerts with ``detect.explained.EXPLAINED``, and ``row`` (int64), which
        replaces a column of that name.
    """
    tables: list[pa.Table] = []
    label, explainer = f"{artifact.name}@{artifact.hash}", Explainer(artifact)
    for flows, scores in windows:
        keep = scores.surprise >= threshold if flagged else np.ones(len(flows), bool)
        if not keep.any() and tables:
            continue
        table = alert_table(flows, scores, keep, threshold, label, explainer)
        if ROW in table.column_names:
            table = table.drop_columns([ROW])
        tables.append(table.append_column(ROW, pa.array(flows.rows[keep])))
    return stack(tables) if tables else pa.table({ROW: pa.array([], pa.int64())})
