"""Window: the item passed between stages, filled in by each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.engine.learning import Snapshot
    from morpheus_gae.engine.live_model import LiveModel
    from morpheus_gae.engine.observe.tracing import Trace
    from morpheus_gae.engine.recover.state import Learnt
    from morpheus_gae.engine.run.by_partition import Origin
    from morpheus_gae.engine.seen import Seen
    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """E consecutive flows in the pipeline.

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
        Threshold on the surprise that flagged them; with online learning set by infer-gae.
    served
        Model of this window, with hot reload.
    arrived
        Arrival of the first flow at build-graph, by ``time.monotonic()``.
    learnt
        State of the threshold after this window, for checkpoints.
    trace
        Working times of the stages, if traced.
    snapshot
        Snapshot of online learning after this window, from time to time.
    origin
        Partition of a topic that its flows come from, if any.
    artifact
        The model that scored it, in a run whose memory learns.
    seen
        What it had while it was whole; None where it still is.
    alerts
        Rows of the flagged flows, and the same as the sink takes them, where to-alerts has them prepared.
    """

    flows: Flows
    graph: WindowGraph | None = None
    scores: Scores | None = None
    flagged: Bool | None = None
    threshold: np.float32 | None = None
    live: LiveModel | None = None
    arrived: float | None = None
    learnt: Learnt | None = None
    trace: Trace | None = None
    snapshot: Snapshot | None = None
    origin: Origin | None = None
    artifact: Artifact | None = None
    seen: Seen | None = None
    alerts: tuple[pa.Table, Any] | None = None
