"""What the stages of one pipeline share: counters, errors, and how they find each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import click

from morpheus_gae.engine.metrics import Metrics

WINDOW = "morpheus_gae.window"
"""Metadata key: the window with its graph, from build-graph to infer-gae."""

THRESHOLD = "morpheus_gae.threshold"
"""Metadata key: threshold on the surprise, from flag-anomalies on."""


class Run:
    """One run of a pipeline.

    Attributes
    ----------
    metrics
        Counters of all our stages.
    opened
        What has to be closed at the end, however it comes.
    stopped
        True once the host was told to stop.
    """

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.opened: list[Any] = []
        self.stopped = False

    def close(self) -> None:
        """Close everything; the first error is raised once all are closed."""
        errors: list[BaseException] = []
        while self.opened:
            try:
                self.opened.pop(0).close()
            except Exception as error:
                errors.append(error)
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


def upstream(stage: Any, kind: type) -> Any:
    """Nearest stage of a kind before this one, or None."""
    return _nearest(stage, kind, lambda s: s.get_all_input_stages())


def downstream(stage: Any, kind: type) -> Any:
    """Nearest stage of a kind after this one, or None."""
    return _nearest(stage, kind, lambda s: s.get_all_output_stages())


def _nearest(stage: Any, kind: type, neighbours: Any) -> Any:
    seen: set[int] = set()
    level: Iterable[Any] = neighbours(stage)
    while level:
        for found in level:
            if isinstance(found, kind):
                return found
        seen |= {id(s) for s in level}
        level = [n for s in level for n in neighbours(s) if id(n) not in seen]
    return None


def say(line: str) -> None:
    """Tell the user one line, on stderr."""
    click.echo(line, err=True)
