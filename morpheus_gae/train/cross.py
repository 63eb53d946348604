"""Cross-block scores: each fifth of the training time, scored with the memory of the other four.

A model that scored the flows it remembers would find nothing new; one that held a stretch of time back for
calibration would know neither that stretch nor whether it is like the rest. So every training flow is scored
by a memory that has not seen its fifth of the time, thresholds and calibration come from all of them, and the
memory that is shipped knows all. Flows that were not learnt from are in no memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from morpheus_gae.executors.torch.executor import TorchExecutor, Union
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.graph.windows import windows
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.train.spool import let_go

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Raw:
    """What the heads say of each training flow: float32 [E] each, None where the spec has no such head.

    ``pair``, ``flow`` and ``lift`` are not calibrated yet, ``edge`` is the decoder's surprise.
    """

    pair: F32 | None
    flow: F32 | None
    edge: F32 | None
    lift: F32 | None = None


def cross_scores(
    draft: Callable[[int | None], Artifact], spec: ModelSpec, flows: Flows, fold: U8, graph_size: int
) -> Raw:
    """Heads of every training flow, from models that do not remember it.

    Parameters
    ----------
    draft
        The model without what one fold put into memory (None: whole).
    spec
        Of the model.
    flows
        All training flows, in time order.
    fold
        uint8 [E] fifth of the time of each, rising.
    graph_size
        Flows of a window.
    """
    parts: list[tuple[int | None, Flows]] = [(None, flows)]
    if spec.memory:
        cuts = np.searchsorted(fold, np.arange(int(fold[-1]) + 2, dtype=fold.dtype)).tolist()
        parts = [(k, flows.slice(a, b)) for k, (a, b) in enumerate(itertools.pairwise(cuts))]
    # written to where they stay: pieces of a hundred million would tear holes into memory
    out: list[F32 | None] = [None] * 4
    at = 0
    for k, part in parts:
        for heads in _heads(draft(k), part, graph_size) if len(part) else ():
            for i, head in enumerate(heads):
                if head is None:
                    continue
                if out[i] is None:
                    out[i] = np.empty(len(flows), np.float32)
                out[i][at : at + head.shape[0]] = head  # type: ignore[index]
                size = head.shape[0]
            at += size
    return Raw(*out)


def _heads(artifact: Artifact, flows: Flows, graph_size: int) -> Iterator[tuple[F32 | None, ...]]:
    executor, spec = TorchExecutor(artifact), artifact.spec
    for window in windows([flows], graph_size):
        graph = build_graph(
            window,
            octets=spec.octets,
            tolerance=spec.tolerance,
            max_sweeps=spec.max_sweeps,
            enriched=spec.enriched,
        )
        with torch.inference_mode():
            h = executor.heads(Union([graph]))
        yield None if h.pair is None else h.pair[graph.pair], h.flow, h.edge, h.lift
        let_go()
