"""Steps of ``benchmark.card``, each in a process of its own; a row is a line of JSON on stdout.

========== ===============================================================================================
step       what it tells
========== ===============================================================================================
tables     hosts and pairs numbered again and again, by the hash tables and by sorting, in windows of every
           shape: a race would show as a number that moves
scores     scores of the presets, by this executor and by the CPU's, and whether runs are the same bits
speed      flows a second, columns on the device and columns on the host
operations what each kernel and operation of a window takes on the device
========== ===============================================================================================
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.benchmark.card import Card, further
from morpheus_gae.benchmark.known import save_known
from morpheus_gae.benchmark.store import as_flows
from morpheus_gae.benchmark.traffic import LEAST_FLOWS, LEAST_HOSTS, Workload
from morpheus_gae.executors.base import Scores

if TYPE_CHECKING:
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.flows.frame import Flows

PARTS = ("score", "surprise", "pair_part", "flow_part", "graph_part", "activity_part")
CLOSE, FAR, FEW = 1e-4, 5e-3, 0.005
"""Scores are the CPU's if all lie within ``FAR``, absolute and relative, and but ``FEW`` of them not within
``CLOSE``: the U-Net's pooling is steep, and rounding alone moves some flows of a large window."""
TIMED = {"default": 0.9, "published": 0.0}
"""Presets whose speed is measured, and the share of pairs that their memory knows."""
AT_LEAST = 3
SECONDS = 4.0
MOST_OPERATIONS = 40


def tables(card: Card) -> Iterator[dict[str, Any]]:
    """Number hosts and pairs again and again."""
    import torch

    from morpheus_gae.executors.cuda.device import upload
    from morpheus_gae.executors.cuda.dispatch import fuses
    from morpheus_gae.executors.cuda.graph import numbered, numbered_torch

    kernels = fuses(torch.device(card.device))
    for shape in ("client", "hub", "uniform", "one pair", "all different"):
        for rows in card.rows:
            flows = upload(shaped(shape, rows, card.hosts), card.device)
            want = numbered_torch(flows)
            off = sum(
                not torch.equal(a, b)
                for _ in range(card.repeats)
                for a, b in zip(numbered(flows)[:6], want[:6], strict=True)
            )
            yield {
                "what": f"{shape}, {rows:,} flows", "right": not off, "hosts": want[4].shape[0],
                "pairs": want[1].shape[0], "runs": card.repeats, "by": "kernels" if kernels else "sorting",
            }  # fmt: skip


def scores(card: Card) -> Iterator[dict[str, Any]]:
    """Score windows here and on the CPU."""
    import torch

    from morpheus_gae.executors.cuda.dispatch import fuses
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.graph.build import build_graph

    # torch's own sums on a GPU are by atomics
    exact = card.device == "cpu" or fuses(torch.device(card.device))
    for name in card.presets:
        on_host = open_executor(Path(card.folder) / name, "cpu")
        executor, spec = CudaExecutor(on_host.artifact, card.device), on_host.artifact.spec
        for size in card.sizes:
            for shape in ("client", "hub") if size >= LEAST_FLOWS else ("client",):
                flows = shaped(shape, size, card.hosts)
                graph = build_graph(
                    flows, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps,
                    enriched=spec.enriched,
                )  # fmt: skip
                want = on_host.score(graph)
                runs = [executor.score_flows(flows) for _ in range(card.repeats)]
                others = [executor.score(executor.build(flows)), *executor.score_many([flows])]
                facts = compared(runs, others, want)
                if exact and facts.get("between runs", 0.0) > 0:
                    facts["right"] = False
                yield {"what": f"{name}, {shape}, {size:,} flows", **facts}


def compared(runs: list[Scores], others: list[Scores], want: Scores) -> dict[str, Any]:
    """Whether scores are the CPU's, how far off the worst one is, and how far runs lie apart.

    Parameters
    ----------
    runs
        Of the same window, run after run.
    others
        Of the same window by other ways: the graph made ahead, windows in a stream.
    want
        The CPU's.
    """
    got = [*runs, *others]
    right, most, moved = all(s.unseen_hosts == want.unseen_hosts for s in got), 0.0, 0.0
    for part in PARTS:
        expected = getattr(want, part)
        for i, told in enumerate(getattr(scores, part) for scores in got):
            if (told is None) != (expected is None):
                return {"right": False, "part": part, "off": "there is one only on one side"}
            if told is None:
                continue
            off = np.abs(told - expected) / (1 + np.abs(expected))
            right &= bool(np.isfinite(told).all() and (off <= FAR).all() and (off > CLOSE).mean() <= FEW)
            most = max(most, float(off.max(initial=0.0)))
            if i < len(runs):
                moved = max(moved, float(np.abs(told - getattr(runs[0], part)).max(initial=0.0)))
    return {"right": right, "off": most, "between runs": moved}


def speed(card: Card) -> Iterator[dict[str, Any]]:
    """Score windows as fast as can be."""
    from morpheus_gae.executors.cuda.device import upload

    for name, executor in timed(card):
        for size in card.windows:
            window = shaped("client", size, card.hosts)
            flows = upload(window, card.device, executor.artifact.spec.enriched)
            ways: dict[str, Callable[[], object]] = {
                "on the device": partial(executor.score_device, flows),
                "host to host": partial(executor.score_flows, window),
            }
            for where, score in ways.items():
                runs, seconds = measured(score, card.device)
                yield {
                    "what": f"{name}, {where}, windows of {size:,}", "ms": round(seconds / runs * 1e3, 3),
                    "flows a second": round(size * runs / seconds), "windows": runs,
                }  # fmt: skip


def operations(card: Card) -> Iterator[dict[str, Any]]:
    """Tell what each kernel and operation takes."""
    from torch.profiler import ProfilerActivity, profile

    from morpheus_gae.executors.cuda.device import upload

    on_gpu = card.device != "cpu"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    for name, executor in timed(card):
        for size in card.windows:
            flows = upload(shaped("client", size, card.hosts), card.device, executor.artifact.spec.enriched)
            # compiled, and memory reserved
            executor.score_device(flows)
            waited(card.device)
            with profile(activities=kinds) as seen:
                for _ in range(card.repeats):
                    executor.score_device(flows)
                waited(card.device)
            found = []
            for row in seen.key_averages():
                if not on_gpu:
                    found.append((row.self_cpu_time_total, row.count, row.key))
                # rows of operators count their kernels again
                elif str(row.device_type).endswith("CUDA"):
                    took = getattr(row, "self_device_time_total", None)
                    found.append((row.self_cuda_time_total if took is None else took, row.count, row.key))
            whole = sum(took for took, _, _ in found) / card.repeats
            yield {"what": f"{name}, {size:,} flows, in all", "ms": round(whole / 1e3, 4)}
            for took, count, key in sorted(found, reverse=True)[:MOST_OPERATIONS]:
                yield {
                    "what": f"{name}, {size:,} flows, {key[:80]}", "ms": round(took / card.repeats / 1e3, 4),
                    "launches": round(count / card.repeats, 2),
                }  # fmt: skip


def timed(card: Card) -> Iterator[tuple[str, CudaExecutor]]:
    """Executors of presets whose speed is measured, with memories that know most of the traffic."""
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.model.artifact import load_artifact

    for name in (name for name in TIMED if name in card.presets):
        known = Path(card.folder) / f"known-{name}"
        if not known.exists():
            save_known(
                known,
                str(Path(card.folder) / name),
                workload("client", max(card.windows), card.hosts),
                TIMED[name],
            )
        yield name, CudaExecutor(load_artifact(known), card.device)


def measured(score: Callable[[], object], device: str) -> tuple[int, float]:
    """Runs and seconds: windows one after the other, the device waited for once."""
    score()
    waited(device)
    begin = time.perf_counter()
    score()
    waited(device)
    once = max(time.perf_counter() - begin, 1e-6)
    runs = int(min(max(SECONDS / once, AT_LEAST), 200)) if device != "cpu" else AT_LEAST
    begin = time.perf_counter()
    for _ in range(runs):
        score()
    waited(device)
    return runs, time.perf_counter() - begin


def waited(device: str) -> None:
    """Wait for the device."""
    if device != "cpu":
        import torch

        torch.cuda.synchronize(device)


def workload(regime: str, flows: int, hosts: int) -> Workload:
    """Traffic of one regime, as small as there is."""
    return Workload(regime, max(flows, LEAST_FLOWS), max(hosts, LEAST_HOSTS))


def shaped(shape: str, flows: int, hosts: int) -> Flows:
    """A window of one regime; or all flows of one pair, or each of a pair of its own."""
    regime = shape if shape in ("client", "hub", "uniform") else "client"
    drawn = workload(regime, flows, hosts).draw(0)
    src, dst = drawn.src[:flows], drawn.dst[:flows]
    if shape == "one pair":
        src, dst = np.full_like(src, src[0]), np.full_like(dst, dst[0])
    elif shape == "all different":
        at: npt.NDArray[np.uint32] = np.arange(2 * flows, dtype=np.uint32)
        # in no order
        src, dst = np.split(np.random.default_rng(flows).permutation(at), 2)
    window = as_flows(src, dst, drawn.attributes[:flows], drawn.missing[:flows])
    # for enriched models
    return replace(window, table=pa.table({k: v[:flows] for k, v in further(drawn).items()}))


def main() -> None:
    """Run one step and print its rows."""
    step, told = sys.argv[1:]
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(told).items()}
    card = Card(**values)
    steps = {"tables": tables, "scores": scores, "speed": speed, "operations": operations}
    for row in steps[step](card):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
