"""What every executor offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Scores of one window, one row per flow, in input order.

    Attributes
    ----------
    score
        float32 [E] in [0, 1]: ``1 - P(edge exists)``, higher is stranger.
    surprise
        float64 [E], >= 0, unsaturated: ``-ln P(edge exists)`` in nats; ``score = 1 - exp(-surprise)``.
        As exact as a float32; the bits beyond keep parallel flows apart (`model.ties`).
    pair_part, flow_part
        float32 [E], >= 0: the share of the surprise that comes from who talks to whom, and from what
        the flow looks like (zeros where the model has no such part).
    unseen_hosts
        Hosts of the window that the model's memory does not know (0 for a model without memory).
    graph_part
        float32 [E], >= 0: the share that comes from the rest of the window, in nats before the last
        calibration: from the other flows of the flow's pair and source (`model.evidence`), and
        ``activity_part``; None where the model has no such part.
    activity_part
        float32 [E], >= 0: what of ``graph_part`` comes from counts of pair, source and destination
        (`model.activity`); None where the model has no such part.
    """

    score: F32
    surprise: F64
    pair_part: F32
    flow_part: F32
    unseen_hosts: int = 0
    facts: dict[str, float] = field(default_factory=dict)
    graph_part: F32 | None = None
    activity_part: F32 | None = None


class Executor(Protocol):
    """Scores windows with one model."""

    artifact: Artifact

    def score(self, graph: WindowGraph) -> Scores:
        """Score every flow of one window."""
        ...

    def score_batch(self, graphs: list[WindowGraph]) -> list[Scores]:
        """Score several windows together; the same scores as one by one."""
        ...
