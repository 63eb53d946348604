"""Known: a model whose memory knows the benchmark's traffic, as a trained model knows its network.

A shipped model has seen none of the made-up hosts: every look-up would miss, which is cheaper than to find
something. The weights stay; the counters become those of a batch drawn beforehand.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from morpheus_gae.benchmark.traffic import Columns, Workload
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.addresses.kernels import V4_PREFIX
from morpheus_gae.graph.build import build_graph_arrays
from morpheus_gae.model.artifact import Artifact, load_artifact, save_artifact
from morpheus_gae.model.features import edge_features
from morpheus_gae.model.memory import host_keys, pair_keys

F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

BEFOREHAND = 1 << 20
"""Number of the batch that is remembered; those that are scored come before it."""
SAMPLE = 200_000


def save_known(folder: Path, model: str, workload: Workload, known_share: float) -> Artifact:
    """Write a model that knows a workload.

    Parameters
    ----------
    folder
        Made; gets the artifact.
    model
        Folder of the model to start from.
    workload
        Whose traffic.
    known_share
        Share of the workload's pairs that the memory knows; 0 leaves it as it is.

    Raises
    ------
    ArtifactError
        If ``model`` is not a sound artifact.
    """
    artifact = load_artifact(model)
    tensors = dict(artifact.tensors)
    columns = workload.draw(BEFOREHAND)
    if artifact.spec.memory and known_share > 0:
        tensors |= memory_of(artifact, workload, columns, known_share)
    saved = save_artifact(
        folder,
        name=f"{artifact.name[:80]}-benchmark",
        spec=artifact.spec,
        tensors=tensors,
        thresholds=artifact.thresholds,
        training=artifact.config["training"],
        metrics={},
        card="Made for a benchmark: its memory and thresholds are of made-up traffic.\n",
    )
    # thresholds of the new traffic, so that alerts are as rare as in use
    surprise = _surprise(folder, columns)
    thresholds = {b: float(np.quantile(surprise, 1 - float(b))) for b in saved.thresholds}
    return save_artifact(
        folder,
        name=saved.name,
        spec=saved.spec,
        tensors=saved.tensors,
        thresholds=thresholds,
        training=saved.config["training"],
        metrics={},
        card="Made for a benchmark: its memory and thresholds are of made-up traffic.\n",
    )


def memory_of(
    artifact: Artifact, workload: Workload, columns: Columns, known_share: float
) -> dict[str, npt.NDArray[np.generic]]:
    """Memory tensors of an artifact as if it had been trained on these flows.

    The counters are those of the flows. Which flow types a pair had is made up, one each, since finding that
    out takes training; it moves scores, not time.
    """
    t = artifact.tensors
    salt = int(t["memory.salt"][0])
    x = edge_features(columns.attributes, columns.missing, t["scale.mean"], t["scale.std"])[:, :3]
    pair_src, pair_dst = workload.pairs()
    rng = np.random.default_rng([workload.seed, BEFOREHAND])
    known = np.flatnonzero(rng.random(pair_src.shape[0]) < known_share)
    hosts, at = np.unique(np.concatenate([pair_src[known], pair_dst[known]]), return_inverse=True)
    keys = host_keys(np.zeros(hosts.shape[0], np.uint64), mapped(hosts), salt)
    src, dst = np.split(at, 2)
    by_pair = moments(columns.pair, x, pair_src.shape[0])
    numbers = np.searchsorted(hosts, columns.src), np.searchsorted(hosts, columns.dst)
    inside = [np.minimum(n, hosts.shape[0] - 1) for n in numbers]
    here = (hosts[inside[0]] == columns.src) & (hosts[inside[1]] == columns.dst)
    out, into = (moments(n[here], x[here], hosts.shape[0]) for n in inside)
    types = np.zeros((known.shape[0], t["memory.pair_types"].shape[1]), np.float16)
    types[np.arange(known.shape[0]), known % types.shape[1]] = np.minimum(by_pair[known, 0], 1e4)
    by_key, pair_key = np.argsort(keys), pair_keys(keys[src], keys[dst])
    by_pair_key = np.argsort(pair_key)
    shown = {"evidence.pair": known.shape[0], "evidence.source": hosts.shape[0]}
    met = {"partners.past": np.zeros((hosts.shape[0], 2), np.float32)} if artifact.spec.partners else {}
    return {
        **met,
        # as little as may be, so that what is strange today stands out
        **({n: np.zeros(size, np.float32) for n, size in shown.items()} if artifact.spec.evidence else {}),
        "memory.host_key": keys[by_key],
        "memory.host_out": out[by_key],
        "memory.host_in": into[by_key],
        "memory.pair_key": pair_key[by_pair_key],
        "memory.pair": by_pair[known][by_pair_key],
        "memory.pair_types": types[by_pair_key],
    }


def moments(index: npt.NDArray[np.signedinteger], x: F32, size: int) -> F32:
    """float32 [size, 7]: flows, mean (3) and standard deviation (3) of x by index."""
    out = np.zeros((size, 7), np.float32)
    count = np.bincount(index, minlength=size)
    out[:, 0] = count
    for c in range(3):
        mean = np.bincount(index, x[:, c], size) / np.maximum(count, 1)
        square = np.bincount(index, x[:, c].astype(np.float64) ** 2, size) / np.maximum(count, 1)
        out[:, 1 + c], out[:, 4 + c] = mean, np.sqrt(np.maximum(square - mean**2, 0))
    return out


def mapped(v4: U32) -> U64:
    """Low half of the IPv4-mapped IPv6 address, uint64."""
    return v4.astype(np.uint64) | np.uint64(V4_PREFIX)


def _surprise(folder: Path, columns: Columns) -> npt.NDArray[np.float64]:
    executor = open_executor(folder)
    spec = executor.artifact.spec
    some = slice(0, SAMPLE)
    high = np.zeros(columns.src[some].shape[0], np.uint64)
    graph = build_graph_arrays(
        high, mapped(columns.src[some]), high, mapped(columns.dst[some]), columns.attributes[some],
        columns.missing[some], octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps,
    )  # fmt: skip
    return executor.score(graph).surprise
