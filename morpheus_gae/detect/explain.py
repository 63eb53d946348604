"""Explain: contributions to a flagged flow's surprise, percentiles by pair and source, and facts.

Computed for flagged flows only, from their rows and the model: identical for all executors and both engines.
Only information in the model's memory is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.contributions import CONTRIBUTIONS, contributions
from morpheus_gae.detect.explained import FACTS, PERCENTILES
from morpheus_gae.detect.facts import Facts
from morpheus_gae.detect.recalled import Recall
from morpheus_gae.detect.repeats import chosen

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.detect.recall_kernels import Ends
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class Explainer:
    """Explains alerts of one model.

    Parameters
    ----------
    artifact
        Model that scored them.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._tools: tuple[Recall, Facts] | None = None

    def columns(self, flows: Flows, scores: Scores, index: I64, table: pa.Table) -> dict[str, Any]:
        """Compute the columns ``EXPLAINED`` of chosen flows.

        Parameters
        ----------
        flows, scores
            Of a window.
        index
            int64 [F] flows to explain.
        table
            Their rows.

        Returns
        -------
        dict
            Contributions and percentiles as arrow float64 [F], null where unknown; facts as lists of text
            [F], empty beyond the ``MOST`` most anomalous.
        """
        import pyarrow as pa

        surprise = np.asarray(scores.surprise.take(index), np.float64)
        probability, quantile = self.artifact.quantiles
        pair = host = np.full(index.shape[0], np.nan)
        every = np.floor(1e4 * np.interp(surprise, quantile, probability)) / 100
        ends = _ends(flows, index, table) if index.size and self.artifact.spec.memory else None
        if ends is None:
            facts = pa.array([[]] * index.shape[0], pa.list_(pa.string()))
        else:
            if self._tools is None:
                recall = Recall(self.artifact)
                self._tools = recall, Facts(self.artifact, recall)
            recall, sentences = self._tools
            flagged, code, pair, host = recall(ends)
            facts = sentences.columns(flagged, chosen(surprise, code), len(flows))
        parts = *contributions(self.artifact, scores, index).T, pair, host, every
        # NaN is null
        told = (pa.array(values, from_pandas=True) for values in parts)
        return {**dict(zip((*CONTRIBUTIONS, *PERCENTILES), told, strict=True)), FACTS: facts}


def _ends(flows: Flows, index: I64, table: pa.Table) -> Ends | None:
    """Return addresses and attributes of chosen flows, parsed again where only their rows are left."""
    from morpheus_gae.detect.recall_kernels import Ends

    if not flows.src_lo[index[0]] and not flows.src_lo[index].any() and not flows.dst_lo[index].any():
        from morpheus_gae.flows.exporters.convert import table_to_flows

        flows = table_to_flows(table).flows
        if len(flows) != index.shape[0]:
            return None
        index = np.arange(index.shape[0])
    src, dst = (
        (flows.src_hi.take(index), flows.src_lo.take(index)),
        (flows.dst_hi.take(index), flows.dst_lo.take(index)),
    )
    return Ends(*src, *dst, flows.attributes.take(index, 0), flows.duration_missing.take(index))
