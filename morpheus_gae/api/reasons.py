"""Reasons: what explains flagged flows, brought back from windows to the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.detect.explain import Explainer
from morpheus_gae.detect.explained import EXPLAINED, FACTS

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

REASONED: dict[str, pa.DataType] = {
    name: pa.list_(pa.string()) if name == FACTS else pa.float64() for name in EXPLAINED
}
"""Columns, with their types."""


class Reasons:
    """Gathers explanations, window by window.

    Parameters
    ----------
    artifact
        The model that scores.
    above
        Flows of a higher surprise are explained.
    """

    def __init__(self, artifact: Artifact, above: float) -> None:
        self._explainer, self._above = Explainer(artifact), above
        self._rows: list[I64] = []
        self._surprise: list[F64] = []
        self._told: list[pa.Table] = []

    def add(self, flows: Flows, scores: Scores) -> None:
        """Explain the flagged flows of a window."""
        index = np.flatnonzero(scores.surprise > self._above)
        if index.size:
            told = self._explainer.columns(flows, scores, index, flows.table)
            self._rows.append(flows.rows[index])
            self._surprise.append(np.asarray(scores.surprise[index], np.float64))
            self._told.append(pa.table(told).cast(pa.schema(list(REASONED.items()))))

    def of_rows(self, count: int, partners: list[I64]) -> pa.Table:
        """``REASONED`` of each row, null where none of its flows is flagged.

        Parameters
        ----------
        count
            Rows of the table.
        partners
            int64 [N, 2] each: rows that have the scores of others, and these.
        """
        at = np.full(count, -1, np.int64)
        if self._rows:
            # of a row that holds several flows the strangest is told, as of scores
            order = np.argsort(np.concatenate(self._surprise), kind="stable")
            at[np.concatenate(self._rows)[order]] = order
        for pairs in partners:
            at[pairs[:, 0]] = at[pairs[:, 1]]
        none = pa.table({name: pa.nulls(0, kind) for name, kind in REASONED.items()})
        return pa.concat_tables([none, *self._told]).take(pa.array(at, mask=at < 0))
