"""Score: windows of flows, wherever their rows lie, each scored by one actor as one machine scores it.

An actor opens the model once and keeps it. Rows of a window are brought together by a shuffle; scores depend
on the window alone, so they are to the bit those of ``Detector.score_samples`` over all flows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from morpheus_gae.api.annotated import annotated
from morpheus_gae.api.clock import check_clock, window_of_rows
from morpheus_gae.errors import MissingExtraError

if TYPE_CHECKING:
    from morpheus_gae.api.batches import Cut
    from morpheus_gae.api.detector import Detector

WINDOW = "_window"
"""Column that brings the rows of a window together; not in the result."""


class Scorer:
    """Scores tables, in an actor: for ``Dataset.map_batches(Scorer, batch_format="pyarrow", ...)`` too.

    Parameters
    ----------
    detector
        Of any kind of windows: without `score`, each batch is cut as a table of its own.
    threads
        For kernels of the CPU executor; None: one for each processor.
    """

    def __init__(self, detector: Detector, threads: int | None = 1) -> None:
        from morpheus_gae.graph import parallel

        if threads is not None:
            parallel.HELPERS.resize(threads)
        self.detector = detector

    def __call__(self, table: pa.Table) -> pa.Table:
        """The rows with their scores beside them."""
        if WINDOW in table.column_names:
            table = table.drop_columns([WINDOW])
        return annotated(self.detector, table)


def score(
    dataset: Any,
    detector: Detector,
    *,
    actors: int | tuple[int, int] = 1,
    cpus: float = 1,
    gpus: float = 0,
    partitions: int | None = None,
) -> Any:
    """Scores beside every row of a data set.

    Parameters
    ----------
    dataset
        ``ray.data.Dataset`` of flows, with our columns or an exporter's.
    detector
        With ``windows="clock"``, and ``executor="cuda"`` for actors with a GPU.
    actors
        How many, or at least and at most how many.
    cpus, gpus
        Of each actor.
    partitions
        Of the shuffle; Ray's own choice if None.

    Returns
    -------
    ray.data.Dataset
        Lazy; the data set's columns, then those of ``api.annotated.ADDED``.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    NotFittedError
        If the detector has no model.
    UsageError
        If its windows are not cut by the clock.
    """
    try:
        import ray.data  # noqa: F401
    except ImportError:
        raise MissingExtraError("ray", "ray", "scoring on Ray") from None
    cut = detector.cut()
    check_clock(cut)
    # now rather than in the first actor
    _ = detector.artifact_
    placed = dataset.map_batches(Placer(cut), batch_format="pyarrow", zero_copy_batch=True)
    count = {} if partitions is None else {"num_partitions": partitions}
    return placed.groupby(WINDOW, **count).map_groups(
        Scorer,
        fn_constructor_args=(detector, max(1, int(cpus))),
        batch_format="pyarrow",
        concurrency=actors,
        num_cpus=cpus,
        **({"num_gpus": gpus} if gpus else {}),
    )


class Placer:
    """Adds the column ``WINDOW``; ``cut`` is by the clock."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut

    def __call__(self, table: pa.Table) -> pa.Table:
        """The rows with the number of their window."""
        return table.append_column(WINDOW, pa.array(window_of_rows(self.cut, table)))
