"""What the stages of one pipeline share: counters, errors, and how they find each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from morpheus_gae.engine.logs import say
from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.engine.topics import Topics
from morpheus_gae.stages.handover import Handover

__all__ = ["DONE", "ORIGIN", "THRESHOLD", "Run", "downstream", "end", "reached", "run_of", "say", "upstream"]

THRESHOLD = "morpheus_gae.threshold"
"""Metadata key: threshold on the surprise, from flag-anomalies on."""

DONE = "morpheus_gae.done"
"""Metadata key: positions that are reached once the message is delivered, see ``flows.frame.Position``."""

ORIGIN = "morpheus_gae.origin"
"""Metadata key: partition that the flows come from, see ``engine.by_partition.Origin``."""


class Run:
    """One run of a pipeline.

    Attributes
    ----------
    metrics
        Counters of all our stages.
    opened
        What has to be closed at the end, however it comes.
    windows
        From build-graph to infer-gae.
    topics
        What the pipeline has to do with Kafka, if anything.
    stopped
        True once the host was told to stop.
    """

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.opened: list[Any] = []
        self.windows = Handover()
        self.topics: Topics | None = None
        self.stopped = False

    def close(self) -> None:
        """Close everything; the first error is raised once all are closed."""
        errors: list[BaseException] = []
        while self.opened:
            try:
                self.opened.pop(0).close()
            except Exception as error:
                errors.append(error)
        topics, self.topics = self.topics, None
        if topics is not None:
            # last: closing the sink may still deliver
            topics.end()
        if errors:
            raise errors[0]


_RUNS: WeakKeyDictionary[Any, Run] = WeakKeyDictionary()


def run_of(pipeline: Any) -> Run:
    """The run that all stages of this pipeline belong to."""
    return _RUNS.setdefault(pipeline, Run())


def end(run: Run, error: BaseException | None) -> None:
    """Last thing a stage does: close all, since a stage that raises keeps the host from joining the others.

    Raises
    ------
    BaseException
        The stage's own error, or else that of closing.
    """
    try:
        run.close()
    except Exception:
        if error is None:
            raise
    if error is not None:
        raise error


def upstream(stage: Any, name: str) -> Any:
    """Nearest stage of a name before this one, or None."""
    return next(iter(reached(stage, name, lambda s: s.get_all_input_stages())), None)


def downstream(stage: Any, name: str) -> Any:
    """Nearest stage of a name after this one, or None."""
    return next(iter(reached(stage, name, lambda s: s.get_all_output_stages())), None)


def reached(stage: Any, name: str, neighbours: Callable[[Any], Iterable[Any]]) -> list[Any]:
    """All stages of a name on the way that the neighbours lead, nearest first."""
    seen: dict[int, Any] = {}
    level = list(neighbours(stage))
    while level:
        seen.update((id(s), s) for s in level)
        level = [n for s in level for n in neighbours(s) if id(n) not in seen]
    return [s for s in seen.values() if s.name == name]
