"""Examined: scores of a table's rows, and the reasons of rows without scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.api.batches import Account, Cut
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.graph.build import build_graph

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.executors.base import Executor, Scores
    from morpheus_gae.flows.frame import Flows

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examined:
    """Scores of E rows, NaN in rows that have none.

    Attributes
    ----------
    surprise
        float64 [E], >= 0: -ln P in nats, higher is stranger.
    pair_part, flow_part
        float32 [E]: shares of it, see ``executors.base.Scores``.
    graph_part
        float32 [E] what the rest of the window adds; None where the model has no such part.
    activity_part
        float32 [E] what of that comes of counts; None likewise.
    bad
        Records that are no flows: their rows, reasons, and what was found.
    skipped
        Rows that are neither flows nor bad, by reason: markers, events of other kinds.
    noted
        Flows that were read with something put right, by what.
    flows, windows
        How many there were.
    unseen_hosts
        Hosts that the model's memory does not know, summed over the windows.

    Notes
    -----
    A row that holds several flows (tuples of Azure) has the scores of the strangest. The two one-way records
    of one conversation are one flow: both rows have its scores.
    """

    surprise: F64
    pair_part: F32
    flow_part: F32
    graph_part: F32 | None
    activity_part: F32 | None
    bad: list[BadRecord]
    skipped: Counter[str]
    noted: Counter[str]
    flows: int
    windows: int
    unseen_hosts: int

    @property
    def bad_counts(self) -> dict[str, int]:
        """Bad records by reason."""
        return dict(Counter(record.reason.value for record in self.bad))


def scored(executor: Executor, cut: Cut, table: pa.Table, account: Account) -> Iterator[tuple[Flows, Scores]]:
    """Each window with its scores; errors as those of `Cut.cut`."""
    spec = executor.artifact.spec
    on_host = partial(build_graph, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
    if spec.enriched:
        on_host = partial(on_host, enriched=True)
    # some executors build graphs on their device
    build = getattr(executor, "build", on_host)
    for window in cut.cut(table, account):
        if len(window):
            yield window, executor.score(build(window))


def examine(
    executor: Executor,
    cut: Cut,
    table: pa.Table,
    account: Account | None = None,
    each: Callable[[Flows, Scores], None] = lambda flows, scores: None,
) -> Examined:
    """Score a table.

    Parameters
    ----------
    executor
        Runs the model.
    cut
        How rows become flows and windows.
    table
        E rows.
    account
        Filled in with what became of the rows.
    each
        Told each window and its scores.

    Raises
    ------
    InputError
        If a required column is missing.
    UsageError
        If the flows cannot be cut so.
    """
    account = Account() if account is None else account
    e = table.num_rows
    surprise = np.full(e, np.nan)
    spec = executor.artifact.spec
    parts = [np.full(e, np.nan, np.float32) for _ in range(2 + spec.evidence + spec.activity)]
    windows = unseen = 0
    for flows, scores in scored(executor, cut, table, account):
        windows += 1
        each(flows, scores)
        unseen += scores.unseen_hosts
        # the strangest flow of a row is written last, unless one of another window was stranger
        order = np.argsort(scores.surprise, kind="stable")
        order = order[~(scores.surprise[order] < surprise[flows.rows[order]])]
        rows = flows.rows[order]
        surprise[rows] = scores.surprise[order]
        given = (scores.pair_part, scores.flow_part, scores.graph_part, scores.activity_part)
        for part, values in zip(parts, given, strict=False):
            assert values is not None
            part[rows] = values[order]
    for pairs in account.partners:
        answer, flow = pairs.T
        for values in (surprise, *parts):
            values[answer] = values[flow]
    graph_part, activity_part = (*parts[2:], None, None)[:2]
    return Examined(
        surprise, parts[0], parts[1], graph_part, activity_part, account.bad, account.skipped,
        account.noted, account.flows, windows, unseen,
    )  # fmt: skip
