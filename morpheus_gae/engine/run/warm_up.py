"""Warm up: compiles (or loads from the cache) every kernel before the first flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph

LARGE = 1 << 14
"""Number of flows from which a device's sorts and sums use their large-size kernels."""


def warm_up(executor: Executor, explains: bool = False) -> None:
    """Run synthetic flows of both address families through checks, parsing, graph and model.

    It takes seconds at the first start on a machine; later ones read the cache.

    Parameters
    ----------
    executor
        Of the model.
    explains
        Whether alerts will be explained.
    """
    import numpy as np
    import pyarrow as pa

    from morpheus_gae.flows import columns
    from morpheus_gae.flows.exporters.convert import table_to_flows
    from morpheus_gae.flows.tables.checks import FEW
    from morpheus_gae.graph.build import build_graph

    table = pa.table(
        {
            columns.IPV4_SRC: ["192.0.2.1", "0.0.0.0"],
            columns.IPV4_DST: ["192.0.2.2", "0.0.0.0"],
            columns.IPV6_SRC: ["::", "2001:db8::1"],
            columns.IPV6_DST: ["::", "2001:db8::2"],
            columns.IN_BYTES: [60, 1500],
            columns.OUT_BYTES: [0, 40],
            columns.DURATION: [None, 1.5],
            # for enriched models
            "L7_PROTO": ["DNS", None],
        }
    )
    # fewer rows are validated without kernels
    table = pa.concat_tables([table] * FEW).combine_chunks()
    flows = table_to_flows(table).flows
    for name in columns.ADDRESSES:
        # as in Parquet files
        words = table[name].dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, words)
    table_to_flows(table)
    spec = executor.artifact.spec
    scores = executor.score(
        build_graph(
            flows,
            octets=spec.octets,
            tolerance=spec.tolerance,
            max_sweeps=spec.max_sweeps,
            enriched=spec.enriched,
        )
    )
    if explains:
        from morpheus_gae.detect.explain import Explainer

        Explainer(executor.artifact).columns(flows, scores, np.arange(len(flows)), flows.table)
    build: Callable[[Flows], WindowGraph] | None = getattr(executor, "build", None)
    if build is not None:
        # the executor builds graphs too; libraries sort small and large ones differently
        for window in (flows, _large(flows)):
            executor.score(build(window))


def _large(flows: Flows) -> Flows:
    """Return flows with as many hosts and pairs."""
    import numpy as np

    rows = np.arange(LARGE, dtype=np.uint64)
    many = flows.take(np.zeros(LARGE, np.int64))
    return replace(many, src_lo=many.src_lo + rows, dst_lo=many.dst_lo + rows[::-1])
