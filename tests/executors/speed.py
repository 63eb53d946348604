"""Speed: columns in memory to scores on a CPU, one thread and two, beside what the second processor is worth.

python -m tests.executors.speed --rounds 5

Each figure comes from a process of its own. One thread: bound to a processor, flows a second of CPU time. Two
threads: flows a second of wall clock, in turn with one thread; "times" is the median of ratios of neighbours.
"Ceiling" is what two processes of one thread do together, against one alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.benchmark.known import mapped, moments
from morpheus_gae.benchmark.traffic import HABITS
from morpheus_gae.benchmark.worker import peak_memory
from morpheus_gae.engine.run.allocator import keep_freed_memory
from morpheus_gae.executors.cpu.executor import CpuExecutor
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.graph.build import build_graph_arrays
from morpheus_gae.graph.parallel import HELPERS
from morpheus_gae.graph.window_graph import WindowGraph
from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.features import edge_features
from morpheus_gae.model.memory import host_keys, pair_keys
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.simulate import simulate

MODELS = Path(__file__).resolve().parents[2] / "models"
FLOWS, WINDOW = 2_500_000, 200_000
LEAST = 5_000_000
"""Flows between two looks at the clock, at least."""
CORES = (0, 1)

Columns = list[npt.NDArray[Any]]


class Row(NamedTuple):
    """What is measured."""

    traffic: str
    model: str
    window: int


ROWS = (
    Row("enterprise", "default", FLOWS),
    Row("enterprise", "known", FLOWS),
    Row("synthetic", "default", WINDOW),
    Row("resampled", "default", FLOWS),
    Row("enterprise", "published", WINDOW),
)


def enterprise(seed: int, flows: int) -> Columns:
    """Traffic of one network, as ``morpheus-gae simulate`` makes it."""
    network = Network.build(11, 20_000, "enterprise", 0.0)
    parts = []
    for table in simulate(network, flows, seed=seed):
        f = table_to_flows(table).flows
        parts.append((f.src_hi, f.src_lo, f.dst_hi, f.dst_lo, f.attributes, f.duration_missing))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def synthetic(flows: int) -> Columns:
    """Flows drawn from 850,000 pairs of 20,000 hosts; hosts and pairs are skewed."""
    hosts, pairs = 20_000, 850_000
    rng = np.random.default_rng(7)
    address = rng.permutation(np.arange(hosts * 4, dtype=np.uint32))[:hosts] + np.uint32(10 << 24)
    src = (hosts * rng.random(pairs) ** 1.5).astype(np.int64)
    dst = rng.permutation(hosts)[(hosts * rng.random(pairs) ** 3).astype(np.int64)]
    dst = np.where(dst == src, (dst + 1) % hosts, dst)
    pair = (pairs * rng.random(flows) ** 3).astype(np.int64)
    habit = rng.integers(0, len(HABITS), flows)
    noise = np.exp(0.8 * rng.standard_normal((flows, 3), np.float32))
    # look-ups are alike
    noise[habit == 0] = 1
    missing = rng.random(flows) < 0.02
    attributes = np.floor(HABITS[habit] * noise)
    attributes[missing, 2] = 0
    high = np.zeros(flows, np.uint64)
    return [high, mapped(address[src[pair]]), high.copy(), mapped(address[dst[pair]]), attributes, missing]


def resampled(columns: Columns, flows: int) -> Columns:
    """1,000 of the flows, again and again."""
    rng = np.random.default_rng(3)
    row = rng.integers(0, columns[0].shape[0], 1000)[rng.integers(0, 1000, flows)]
    return [np.ascontiguousarray(column[row]) for column in columns]


def graph_of(columns: Columns, artifact: Artifact) -> WindowGraph:
    """As the pipeline builds it."""
    spec = artifact.spec
    return build_graph_arrays(
        *columns, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps
    )


def knowing(artifact: Artifact, columns: Columns) -> Artifact:
    """A model whose memory has these flows; the types of flow are made up, which moves scores, not time."""
    graph, t = graph_of(columns, artifact), artifact.tensors
    x = edge_features(graph.attributes, graph.duration_missing, t["scale.mean"], t["scale.std"])[:, :3]
    key = host_keys(graph.host_hi, graph.host_lo, int(t["memory.salt"][0]))
    pair_key = pair_keys(key[graph.pair_src], key[graph.pair_dst])
    host, pair = np.argsort(key), np.argsort(pair_key)
    types = t["memory.pair_types"].shape[1]
    had = np.random.default_rng(0).random((pair.shape[0], types), np.float32) < 0.1
    memory: dict[str, npt.NDArray[Any]] = {
        "memory.host_key": key[host],
        "memory.host_out": moments(graph.pair_src[graph.pair], x, host.shape[0])[host],
        "memory.host_in": moments(graph.pair_dst[graph.pair], x, host.shape[0])[host],
        "memory.pair_key": pair_key[pair],
        "memory.pair": moments(graph.pair, x, pair.shape[0])[pair],
        "memory.pair_types": (had * graph.pair_flows[:, None] / 3).astype(np.float16)[pair],
    }
    if artifact.spec.evidence:
        memory["evidence.pair"], memory["evidence.source"] = (
            np.zeros(n.shape[0], np.float32) for n in (pair, host)
        )
    if artifact.spec.partners:
        memory["partners.past"] = np.ones((host.shape[0], 2), np.float32)
    return dataclasses.replace(artifact, tensors={**t, **memory})


def work(row: Row, folder: Path, rounds: int, threads: int) -> dict[str, Any]:
    """Measure a row in this process; seconds for all flows."""
    artifact = load_artifact(MODELS / ("published" if row.model == "published" else "default"))
    if row.model == "known":
        artifact = knowing(artifact, load(folder / "before.npz"))
    columns = load(folder / f"{row.traffic}.npz")
    if row.model == "published":
        columns = [column[: 5 * WINDOW] for column in columns]
    executor, flows = CpuExecutor(artifact), columns[0].shape[0]
    sizes: list[tuple[int, int]] = []

    def once() -> None:
        sizes.clear()
        for start in range(0, flows, row.window):
            graph = graph_of([column[start : start + row.window] for column in columns], artifact)
            executor.score(graph)
            sizes.append((graph.hosts, graph.pairs))

    # as the command does
    keep_freed_memory()
    once()
    times = max(LEAST // flows, 1)
    seconds: dict[str, list[float]] = {"cpu": [], "one": [], "two": []}
    for _ in range(rounds):
        HELPERS.resize(1)
        once()
        used = time.process_time()
        seconds["one"].append(timed(once, times))
        seconds["cpu"].append((time.process_time() - used) / times)
        if threads > 1:
            HELPERS.resize(threads)
            # the helpers start
            once()
            seconds["two"].append(timed(once, times))
    hosts, pairs = np.mean(sizes, axis=0).astype(int).tolist()
    return {"flows": flows, "hosts": hosts, "pairs": pairs, "peak": peak_memory() / 1e9, **seconds}


def timed(act: Callable[[], None], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - began) / times


def load(path: Path) -> Columns:
    with np.load(path) as held:
        return [held[name] for name in held.files]


def start(number: int, folder: Path, rounds: int, cores: Sequence[int]) -> subprocess.Popen[str]:
    """A process for one row, bound to processors."""
    line = [sys.executable, "-m", "tests.executors.speed", "--rounds", str(rounds)]
    told = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return subprocess.Popen(
        [*line, "--row", str(number), "--folder", str(folder), "--cores", *map(str, cores)],
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    found: dict[str, Any] = json.loads(out)
    return found


def line_of(number: int, folder: Path, rounds: int) -> str:
    """A row of the table."""
    row = ROWS[number]
    alone = ended(start(number, folder, rounds, CORES[:1]))
    both = ended(start(number, folder, rounds, CORES))
    beside = [ended(process) for process in [start(number, folder, rounds, [core]) for core in CORES]]
    ratio = np.median(np.divide(both["one"], both["two"]))
    ceiling = 2 * np.median(alone["one"]) / np.median([np.median(b["one"]) for b in beside])

    def rate(seconds: list[float]) -> str:
        low, mid, high = alone["flows"] / 1e6 / np.quantile(seconds, [1, 0.5, 0])
        return f"{mid:.2f} M/s ({low:.2f} to {high:.2f})"

    cells = (
        row.traffic,
        row.model,
        f"{min(row.window, alone['flows']):,} / {alone['hosts']:,} / {alone['pairs']:,}",
        rate(alone["cpu"]),
        rate(both["two"]),
        f"{ratio:.2f}",
        f"{ceiling:.2f}",
        f"{alone['peak']:.2f} GB",
    )
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    for name, kind in (("--row", int), ("--folder", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, nargs="+", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.row is not None:
        os.sched_setaffinity(0, told.cores)
        print(json.dumps(work(ROWS[told.row], told.folder, told.rounds, len(told.cores))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        columns = enterprise(1, FLOWS)
        np.savez(folder / "enterprise.npz", *columns)
        np.savez(folder / "resampled.npz", *resampled(columns, FLOWS))
        np.savez(folder / "before.npz", *enterprise(2, FLOWS))
        np.savez(folder / "synthetic.npz", *synthetic(WINDOW))
        del columns
        names = (
            "traffic",
            "model",
            "flows / hosts / pairs",
            "one thread",
            "two threads",
            "times",
            "ceiling",
            "peak",
        )
        print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)
        for number in range(len(ROWS)):
            print(line_of(number, folder, told.rounds), flush=True)


if __name__ == "__main__":
    main()
