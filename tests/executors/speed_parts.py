"""Parts: what those of the default model cost, beside the same model without them, on one core.

python -m tests.executors.speed_parts --flows 2500000 --rounds 5

Columns in memory to scores, CPU time, in turns in one process: traffic ``client`` of the benchmark, 20,000
hosts; memory knows 90 % of the pairs. Each part is also left out alone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from morpheus_gae.benchmark.known import BEFOREHAND, mapped, memory_of
from morpheus_gae.benchmark.traffic import Workload
from morpheus_gae.engine.run.allocator import keep_freed_memory
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.graph.build import build_graph_arrays
from morpheus_gae.graph.parallel import HELPERS
from morpheus_gae.model.artifact import load_artifact
from tests.executors.speed import MODELS, Columns

PARTS = ("evidence", "prefixes", "activity", "lift")
LEAST = 1_000_000
"""Flows between two looks at the clock, at least."""


def executors(workload: Workload) -> dict[str, CpuExecutor]:
    """The model as it is, without any of its parts, and without each."""
    artifact = load_artifact(MODELS / "default")
    known = memory_of(artifact, workload, workload.draw(BEFOREHAND), 0.9)
    artifact = replace(artifact, tensors={**artifact.tensors, **known})
    kinds = {"all parts": (), "no part": PARTS, **{f"without {part}": (part,) for part in PARTS}}
    # activity is told with evidence
    kinds["without evidence"] = ("evidence", "activity")
    return {
        name: CpuExecutor(replace(artifact, spec=replace(artifact.spec, **dict.fromkeys(off, False))))
        for name, off in kinds.items()
    }


def columns_of(workload: Workload, batch: int) -> Columns:
    """As the executor's graphs are made of."""
    drawn = workload.draw(batch)
    high = np.zeros(drawn.src.shape[0], np.uint64)
    return [high, mapped(drawn.src), high.copy(), mapped(drawn.dst), drawn.attributes, drawn.missing]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flows", type=int, default=2_500_000)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args(arguments)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    HELPERS.resize(1)
    keep_freed_memory()
    workload = Workload("client", told.flows, 20_000)
    columns, models = columns_of(workload, 0), executors(workload)
    times = max(LEAST // told.flows, 1)
    spent: dict[str, list[float]] = {name: [] for name in models}
    # the first round compiles
    for turn in range(told.rounds + 1):
        for name in list(models)[:: 1 if turn % 2 else -1]:
            began = time.process_time()
            for _ in range(times):
                models[name].score(build_graph_arrays(*columns))
            spent[name].append((time.process_time() - began) / times / told.flows * 1e9)
    alone = np.array(spent["no part"][1:])
    for name, seconds in spent.items():
        ratio = alone / seconds[1:]
        print(
            f"{name:<18} {np.median(seconds[1:]):6.1f} ns a flow, speed beside no part "
            f"{np.median(ratio):.3f} ({ratio.min():.3f} to {ratio.max():.3f})"
        )


if __name__ == "__main__":
    main()
