"""Score: windows of flows, wherever their rows lie, each scored by one task as one machine scores it.

Rows of a window are brought together by a shuffle and come to a task one window after the other, so a task
holds one window at a time. Scores depend on the window alone (``api.batches.Cut.windows``), so they are to
the bit those of ``Detector.score_samples`` over all flows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from morpheus_gae.api.annotated import ADDED, annotated
from morpheus_gae.api.clock import UNTIMED, check_clock, window_of_rows
from morpheus_gae.flows.columns import FLOW_START
from morpheus_gae.spark.workers import WINDOW, Batches, alone, batches_of, field, pyspark, shared

if TYPE_CHECKING:
    from morpheus_gae.api.batches import Cut
    from morpheus_gae.api.detector import Detector


def score(frame: Any, detector: Detector, *, partitions: int | None = None) -> Any:
    """Scores beside every row of a frame.

    Parameters
    ----------
    frame
        ``pyspark.sql.DataFrame`` of flows, with our columns or an exporter's.
    detector
        With ``windows="clock"``; it goes to each worker once.
    partitions
        Of the shuffle; Spark's own choice if None. Windows are shared out to them.

    Returns
    -------
    pyspark.sql.DataFrame
        Lazy; the frame's columns, then those of ``api.annotated.ADDED``.

    Raises
    ------
    MissingExtraError
        If pyspark is not installed.
    NotFittedError
        If the detector has no model.
    UsageError
        If its windows are not cut by the clock.
    """
    types, functions = pyspark()
    cut = detector.cut()
    length = check_clock(cut)
    # now rather than in the first task
    _ = detector.artifact_
    placed = _placed(frame, cut, length)
    count = () if partitions is None else (partitions,)
    together = placed.repartition(*count, functions.col(WINDOW)).sortWithinPartitions(WINDOW)
    fields = [f for f in frame.schema.fields if f.name not in ADDED]
    schema = types.StructType([*fields, *(field(name, kind) for name, kind in ADDED.items())])
    return together.mapInArrow(_scorer(shared(frame, detector)), schema)


def _placed(frame: Any, cut: Cut, length: int) -> Any:
    """The frame with the column ``WINDOW``; without running Python where the start is a number already."""
    types, functions = pyspark()
    told = not (cut.columns is None or isinstance(cut.columns, str)) and FLOW_START in cut.columns
    kinds = {f.name: f.dataType for f in frame.schema.fields}
    if not told and isinstance(kinds.get(FLOW_START), (types.LongType, types.IntegerType)):
        start = functions.col(FLOW_START).cast("long")
        window = (start - functions.pmod(start, functions.lit(length))) / functions.lit(length)
        exact = functions.when(functions.abs(start) <= 2**53, window.cast("long"))
        return frame.withColumn(WINDOW, functions.coalesce(exact, functions.lit(UNTIMED)))

    def place(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            window = pa.array(window_of_rows(cut, table))
            yield from batches_of(table.append_column(WINDOW, window))

    fields = [*frame.schema.fields, types.StructField(WINDOW, types.LongType())]
    return frame.mapInArrow(place, types.StructType(fields))


def _scorer(detector_of: Callable[[], Detector]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        alone()
        detector = detector_of()
        for table in by_window(batches):
            yield from batches_of(annotated(detector, table))

    return run


def by_window(batches: Batches) -> Iterator[pa.Table]:
    """Tables of one window each from batches in order of ``WINDOW``, without that column."""
    held: list[pa.RecordBatch] = []
    last: int | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        window = np.asarray(batch.column(batch.schema.get_field_index(WINDOW)))
        starts = np.append(0, np.flatnonzero(np.diff(window)) + 1)
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(window)], strict=True):
            if held and window[start] != last:
                yield pa.Table.from_batches(held).drop_columns([WINDOW])
                held = []
            last = window[start]
            held.append(batch.slice(start, stop - start))
    if held:
        yield pa.Table.from_batches(held).drop_columns([WINDOW])
