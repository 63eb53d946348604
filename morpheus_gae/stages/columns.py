"""A scored message back as a window: from its columns, since stages in between may have taken rows away."""

from __future__ import annotations

from typing import Any

import numpy as np

from morpheus_gae.engine.window import Window
from morpheus_gae.errors import UsageError
from morpheus_gae.executors.base import Scores
from morpheus_gae.stages.frames import bare_flows, table_of
from morpheus_gae.stages.shared import THRESHOLD

SCORES = ("anomaly_score", "surprise", "surprise_pair", "surprise_flow")
FLAG = "is_anomaly"


def window_of(message: Any, labels: str | None = None) -> Window:
    """Window of a message that went through infer-gae.

    Parameters
    ----------
    message
        Its frame is only read.
    labels
        Take the scores, and of the input's columns this one only; None takes all of them, and the flags too.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    with message.payload().mutable_dataframe() as frame:
        needed = SCORES if labels is not None else (*SCORES, FLAG)
        absent = [name for name in needed if name not in frame.columns]
        if absent:
            raise UsageError(
                f"the message has no column {', '.join(absent)}: keep the columns our stages add"
            )
        score, surprise, pair_part, flow_part = (np.asarray(frame[n].to_numpy(), np.float32) for n in SCORES)
        if labels is not None:
            keep = [labels] if labels in frame.columns else []
            flagged, table = None, table_of(frame[[*keep, "surprise"]])
        else:
            flagged, table = np.asarray(frame[FLAG].to_numpy(), np.bool_), table_of(frame)
    flows = bare_flows(table.replace_schema_metadata(None))
    threshold = message.get_metadata(THRESHOLD) if message.has_metadata(THRESHOLD) else None
    return Window(
        flows,
        scores=Scores(score, surprise, pair_part, flow_part),
        flagged=flagged,
        threshold=None if threshold is None else np.float32(threshold),
    )
