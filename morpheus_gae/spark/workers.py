"""Workers: broadcast of the detector, thread limits, and Spark types of Arrow types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from morpheus_gae.errors import MissingExtraError

if TYPE_CHECKING:
    from morpheus_gae.api.detector import Detector

WINDOW = "_window"
"""Column that brings the rows of a window together."""
Batches = Iterable[pa.RecordBatch]


def shared(frame: Any, detector: Detector) -> Callable[[], Detector]:
    """What gives a worker the detector: broadcast, so that it comes once and stays open between tasks."""
    try:
        held = frame.sparkSession.sparkContext.broadcast(detector)
    except Exception:
        # a remote session (Spark Connect) has no context: each task brings the detector
        return lambda: detector
    return lambda: held.value


def alone() -> None:
    """One thread for kernels: Spark counts on one core a task."""
    from morpheus_gae.graph import parallel

    parallel.HELPERS.resize(1)


def batches_of(table: pa.Table) -> list[pa.RecordBatch]:
    """The table as one batch; none if it has no rows."""
    return table.combine_chunks().to_batches()


def field(name: str, kind: pa.DataType) -> Any:
    """``StructField`` of a column."""
    types, _ = pyspark()
    of = {
        pa.float64(): types.DoubleType,
        pa.float32(): types.FloatType,
        pa.int64(): types.LongType,
        pa.int32(): types.IntegerType,
        pa.bool_(): types.BooleanType,
        pa.string(): types.StringType,
    }
    if pa.types.is_list(kind):
        return types.StructField(name, types.ArrayType(of[kind.value_type]()))
    return types.StructField(name, of[kind]())


def pyspark() -> tuple[Any, Any]:
    """``pyspark.sql.types`` and ``pyspark.sql.functions``.

    Raises
    ------
    MissingExtraError
        If pyspark is not installed.
    """
    try:
        from pyspark.sql import functions, types
    except ImportError:
        raise MissingExtraError("pyspark", "spark", "scoring and training on Spark") from None
    return types, functions
