"""Folded: folds the flagged flows of a table into incident records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.explain import Explainer
from morpheus_gae.flows.span import span
from morpheus_gae.incidents import records
from morpheus_gae.incidents.fold import CLOSED, Change, Fold

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact


def folded(windows: Iterable[tuple[Flows, Scores]], artifact: Artifact, threshold: np.float32) -> pa.Table:
    """Records of incidents, the most severe first.

    Parameters
    ----------
    windows
        Flows with their scores.
    artifact
        That scored them.
    threshold
        On the surprise.

    Returns
    -------
    pyarrow.Table
        Columns of ``incidents.records.schema``.
    """
    label, explainer = f"{artifact.name}@{artifact.hash}", Explainer(artifact)
    fold, changes = Fold(), list[Change]()
    for flows, scores in windows:
        table = alert_table(flows, scores, scores.surprise >= threshold, threshold, label, explainer)
        times = flows.time_ms
        ends = (None, None) if times is None else span(times)
        changes += [c for c in fold.add(table, len(flows), *ends) if c.state == CLOSED]
    changes += fold.finish()
    # severity by the whole table, also of those that closed early in it
    return records.table(records.ranked([c._replace(daily=fold.daily) for c in changes]), label)
