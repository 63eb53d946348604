"""Window: what travels between the stages, filled in from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """E consecutive flows on their way through the pipeline.

    Attributes
    ----------
    flows
        The flows.
    graph
        Their graph, from build-graph until infer-gae has scored it.
    scores
        Their scores, from infer-gae on.
    flagged
        bool [E], from flag-anomalies on.
    threshold
        Threshold on the surprise that flagged them.
    """

    flows: Flows
    graph: WindowGraph | None = None
    scores: Scores | None = None
    flagged: Bool | None = None
    threshold: np.float32 | None = None
