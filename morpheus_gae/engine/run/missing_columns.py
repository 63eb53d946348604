"""Missing columns: reports once which enriched columns of the model the flows lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.observe.logs import Line

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact


def telling(
    build: Callable[[Flows], WindowGraph], artifact: Artifact, say: Callable[[str], None]
) -> Callable[[Flows], WindowGraph]:
    """Wrap ``build`` to report at the first window the columns that the model reads and the flows lack."""
    if not artifact.spec.enriched:
        return build
    # imports compiled code
    from morpheus_gae.model.enriched import told_missing

    told: list[Any] = []

    def built(flows: Flows) -> WindowGraph:
        if not told:
            told.append(line := told_missing(artifact.tensors, flows.table))
            if line is not None:
                say(Line(line, "columns_missing"))
        return build(flows)

    return built
