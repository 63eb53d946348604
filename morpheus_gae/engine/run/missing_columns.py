"""Lacking: a model that reads enriched columns tells once which of them the flows have not."""

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
    """``build``, which tells the user at the first window what the model reads and the flows have not."""
    if not artifact.spec.enriched:
        return build
    # it brings compiled code along
    from morpheus_gae.model.enriched import told_missing

    told: list[Any] = []

    def built(flows: Flows) -> WindowGraph:
        if not told:
            told.append(line := told_missing(artifact.tensors, flows.table))
            if line is not None:
                say(Line(line, "columns_missing"))
        return build(flows)

    return built
