"""Columns: converts a message back to a window, since other stages may have removed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from morpheus_gae.detect.alerts import ACTIVITY, GRAPH
from morpheus_gae.engine.run.by_partition import Origin
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import UsageError
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Position
from morpheus_gae.flows.payloads.origin import OFFSET
from morpheus_gae.stages.frames import bare_flows, is_device, table_of
from morpheus_gae.stages.metadata import DONE, ORIGIN, THRESHOLD, integer, read, write

SCORES = {
    "anomaly_score": "score",
    "surprise": "surprise",
    "surprise_pair": "pair_part",
    "surprise_flow": "flow_part",
}
"""Columns of a message by field of the scores; ``MORE`` in addition if the model has these parts."""
MORE = {GRAPH: "graph_part", ACTIVITY: "activity_part"}
FLAG = "is_anomaly"


def window_of(message: Any, labels: str | None = None, more_columns: Sequence[str] | None = ()) -> Window:
    """Rebuild the window of a message after infer-gae.

    Parameters
    ----------
    message
        Message; its frame is not modified.
    labels
        Read the scores and only this input column; None: all columns, and the flags (from a device only the
        flagged rows, as no others are written).
    more_columns
        Read these as well, if present; None: all of them, without flags.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    with message.payload().mutable_dataframe() as whole:
        frame = whole
        needed = SCORES if labels is not None else (*SCORES, FLAG)
        absent = [name for name in needed if name not in frame.columns]
        if absent:
            raise UsageError(
                f"the message has no column {', '.join(absent)}: keep the columns our stages add"
            )
        if labels is None and is_device(frame):
            frame = frame[frame[FLAG]]
        score, pair_part, flow_part = (
            np.asarray(frame[n].to_numpy(), np.float32) for n in SCORES if n != "surprise"
        )
        surprise = np.asarray(frame["surprise"].to_numpy(), np.float64)
        more = [
            np.asarray(frame[name].to_numpy(), np.float32) if name in frame.columns else None for name in MORE
        ]
        if labels is not None:
            keep = [name for name in (labels, *(more_columns or ())) if name in frame.columns]
            flagged, table = None, table_of(frame if more_columns is None else frame[[*keep, "surprise"]])
        else:
            flagged, table = np.asarray(frame[FLAG].to_numpy(), np.bool_), table_of(frame)
    done, origin = positions(message)
    threshold = read(message, THRESHOLD)
    return Window(
        bare_flows(table.replace_schema_metadata(None), done),
        scores=Scores(score, surprise, pair_part, flow_part, 0, {}, *more),
        flagged=flagged,
        threshold=None if threshold is None else np.float32(threshold),
        origin=origin,
    )


def columns_of(scores: Any) -> dict[str, str]:
    """Return the columns of these scores (``Scores``, or those of a device) and their values."""
    return {**SCORES, **{name: part for name, part in MORE.items() if getattr(scores, part) is not None}}


def without_stale(frame: Any, scores: Any) -> Any:
    """Drop columns of an earlier model's parts that this model lacks."""
    stale = [name for name, part in MORE.items() if getattr(scores, part) is None and name in frame.columns]
    return frame.drop(columns=stale) if stale else frame


def scored(frame: Any, scores: Scores, package: Any) -> tuple[Any, Any]:
    """Add the scores as columns, and return the tensor "probs", float32 [E, 1], on the same device."""
    out = without_stale(frame, scores).assign(
        **{name: getattr(scores, part) for name, part in columns_of(scores).items()}
    )
    probs: Any = scores.score.reshape(-1, 1)
    if is_device(frame):
        import cupy

        probs = cupy.asarray(probs)
    return out, probs


def positions(message: Any) -> tuple[tuple[Position, ...], Origin | None]:
    """Return the positions that a message reaches, and its partition, as set by ``note``."""
    done = read(message, DONE)
    origin = read(message, ORIGIN)
    reached = tuple(Position(*map(integer, told)) for told in done or ())
    return reached, None if origin is None else Origin(*map(integer, origin))


def with_done(flows: Any, done: tuple[Position, ...]) -> Any:
    """Restore positions and offsets of flows that have the origin's columns."""
    table = getattr(flows, "table", None)
    if table is None or OFFSET not in table.column_names or len(done) != 1:
        return replace(flows, done=done)
    return replace(flows, offsets=np.asarray(table[OFFSET].to_numpy(), np.int64), done=done)


def note(message: Any, done: tuple[Position, ...], origin: Origin | None = None) -> None:
    """Store on a message the positions it reaches, as JSON-compatible values."""
    if done:
        write(message, DONE, [list(position) for position in done])
    if origin is not None:
        write(message, ORIGIN, list(origin))
