"""Warm up: compile (or load from the cache) every kernel before the first flow waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor


def warm_up(executor: Executor) -> None:
    """Take made-up flows of both address families through checks, parsing, graph and model.

    The first start on a machine takes seconds for it; later ones read the cache.
    """
    import pyarrow as pa

    from morpheus_gae.flows import columns
    from morpheus_gae.flows.checks import FEW
    from morpheus_gae.flows.convert import table_to_flows
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
        }
    )
    # fewer rows are checked without kernels
    table = pa.concat_tables([table] * FEW).combine_chunks()
    spec = executor.artifact.spec
    executor.score(
        build_graph(
            table_to_flows(table).flows,
            octets=spec.octets,
            tolerance=spec.tolerance,
            max_sweeps=spec.max_sweeps,
        )
    )
