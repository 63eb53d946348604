"""Score: scores labelled flows through windows, graph and executor, keeping surprise and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.evaluate.labels import Labels, join, labels_of

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.exporters.mapping import PresetLike
    from morpheus_gae.flows.frame import Flows

Real = npt.NDArray[np.floating]


def read_any(
    inputs: list[str],
    bad: Counter[str],
    progress: Callable[[int], object],
    preset: PresetLike = None,
    say: Callable[[str], None] | None = None,
) -> Iterator[Flows]:
    """Read batches of valid flows, counting bad records by reason.

    Parameters
    ----------
    inputs, preset
        See ``flows.readers.read.read_flows``.
    bad
        Counts.
    progress
        Called with the number of flows read.
    say
        Called with one line for the user on how columns are read.

    Raises
    ------
    InputError
        If a source cannot be read.
    """
    from morpheus_gae.flows.exporters.mapping import noted
    from morpheus_gae.flows.pairing.pair import Pairer, paired
    from morpheus_gae.flows.readers.read import read_flows

    for batch in paired(noted(read_flows(inputs, dictionaries=True, preset=preset), say), Pairer()):
        bad.update(record.reason.value for record in batch.bad)
        if len(batch.flows):
            yield batch.flows
        progress(len(batch.flows))


def read_labelled(
    inputs: list[str],
    bad: Counter[str],
    progress: Callable[[int], object],
    preset: PresetLike = None,
    say: Callable[[str], None] | None = None,
) -> Iterator[Flows]:
    """`read_any`, of flows with labels.

    Raises
    ------
    InputError
        If a source cannot be read or has no labels.
    """
    for flows in read_any(inputs, bad, progress, preset, say):
        # fail early on flows that cannot be evaluated
        labels_of(flows.table.slice(0, 1))
        yield flows


def scored(batches: Iterable[Flows], executor: Executor, graph_size: int) -> Iterator[tuple[Flows, Real]]:
    """Yield each window with its surprise, float64 [E]."""
    from morpheus_gae.graph.build import build_graph
    from morpheus_gae.graph.windows import windows

    spec = executor.artifact.spec
    for window in windows(batches, graph_size):
        graph = build_graph(
            window,
            octets=spec.octets,
            tolerance=spec.tolerance,
            max_sweeps=spec.max_sweeps,
            enriched=spec.enriched,
        )
        yield window, executor.score(graph).surprise


def score_labelled(batches: Iterable[Flows], executor: Executor, graph_size: int) -> tuple[Labels, Real]:
    """Return labels and surprise of a whole stream, without keeping the flows.

    Raises
    ------
    InputError
        If the stream is empty or no flow is labelled.
    """
    labels, surprise = [], []
    for window, value in scored(batches, executor, graph_size):
        labels.append(labels_of(window.table))
        surprise.append(value)
    return join(labels), np.concatenate(surprise)


def score_flows(flows: Flows, executor: Executor, graph_size: int) -> Real:
    """Return the surprise of flows in memory, float32 [E]; labels are not needed."""
    if not len(flows):
        return np.zeros(0, np.float32)
    return np.concatenate([value for _, value in scored([flows], executor, graph_size)])
