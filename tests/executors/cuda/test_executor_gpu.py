"""The CUDA executor on a GPU, for whoever has one: ``pytest -m gpu``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.spec import PRESETS
from tests.executors.whole_models import whole_models
from tests.model.prefix_model import network
from tests.support import make_flows, with_columns

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu
MODELS = (*PRESETS, "enriched")


def close(a: Scores, b: Scores) -> None:
    # the U-Net's pooling is steep: in windows this large, rounding alone moves a flow in 1,000 by up to 1e-3,
    # between the CPU executor and the oracle too
    for name in ("score", "surprise", "pair_part", "flow_part", "graph_part", "activity_part"):
        got, want = getattr(a, name), getattr(b, name)
        assert (got is None) == (want is None), name
        if want is None:
            continue
        np.testing.assert_allclose(got, want, rtol=5e-3, atol=5e-3, err_msg=name)
        assert np.isclose(got, want, rtol=1e-4, atol=1e-4).mean() > 0.995, name
    assert a.unseen_hosts == b.unseen_hosts


def test_kernels_are_what_they_stand_for() -> None:
    from tests.executors import cuda_activity, cuda_kernels

    pytest.importorskip("triton")
    cuda_kernels.check_flow("cuda", e=1_000_003, p=50_000)
    cuda_kernels.check_pairs("cuda", n=20_000, p=300_000)
    cuda_kernels.check_sums("cuda", hub=300)
    cuda_kernels.check_attention("cuda", hub=300)
    cuda_kernels.check_edge("cuda", e=1_000_003)
    cuda_kernels.check_features("cuda", e=1_000_003, p=20_000)
    cuda_kernels.check_unet("cuda", hub=300)
    cuda_kernels.check_distinct("cuda", n=300_000)
    cuda_kernels.check_graph("cuda", e=300_000)
    cuda_kernels.check_rows("cuda", n=20_000, m=1_000_003)
    cuda_kernels.check_octets("cuda", n=2_000, hub=300)
    for name in cuda_activity.NAMES:
        cuda_activity.check(name, "cuda", 300_000)


@pytest.mark.parametrize("preset", MODELS)
@pytest.mark.parametrize(("hosts", "pairs"), [(20_000, 106_000), (3, 4), (2_000, 46_000)])
def test_scores_are_the_cpus(every_model: dict[str, Artifact], preset: str, hosts: int, pairs: int) -> None:
    artifact = every_model[preset]
    flows = with_columns(make_flows(200_000, hosts=hosts, pairs=pairs))
    spec = artifact.spec
    graph = build_graph(
        flows,
        octets=spec.octets,
        tolerance=spec.tolerance,
        max_sweeps=spec.max_sweeps,
        enriched=spec.enriched,
    )
    want = open_executor(artifact.path, "cpu").score(graph)
    executor = open_executor(artifact.path, "cuda")
    close(executor.score(graph), want)
    close(executor.score_flows(flows), want)
    close(executor.score(executor.build(flows)), want)


def test_models_with_every_part(tmp_path: Path) -> None:
    for artifact in whole_models(tmp_path).values():
        executor, on_host = (open_executor(artifact.path, kind) for kind in ("cuda", "cpu"))
        windows = make_flows(200_000, hosts=20_000, pairs=100_000), network(5_000, 1, 5, 0.1)
        for flows in map(with_columns, windows):
            want = on_host.score(build_graph(flows, enriched=artifact.spec.enriched))
            close(executor.score_flows(flows), want)


@pytest.mark.parametrize("preset", MODELS)
def test_streamed_windows_are_those_alone(every_model: dict[str, Artifact], preset: str) -> None:
    executor = open_executor(every_model[preset].path, "cuda")
    sizes = (50_000, 1, 20_000, 70_000, 3, 40_000)
    windows = [with_columns(make_flows(n, hosts=500, pairs=3000, seed=n)) for n in sizes]
    for window, scores in zip(windows, executor.score_many(windows), strict=True):
        close(scores, executor.score_flows(window))


def test_resident_columns_stay(tiny_models: dict[str, Artifact]) -> None:
    from morpheus_gae.executors.cuda.device import upload

    executor = open_executor(tiny_models["default"].path, "cuda")
    flows = make_flows(10_000)
    scores = executor.score_device(upload(flows, "cuda"))
    assert scores.surprise.device.type == "cuda"
    np.testing.assert_allclose(scores.surprise.cpu().numpy(), executor.score_flows(flows).surprise, rtol=1e-5)


@pytest.mark.parametrize("preset", MODELS)
def test_a_fixed_order_gives_the_same_bits(every_model: dict[str, Artifact], preset: str) -> None:
    # in a process of its own: how torch adds up holds for all of it
    script = (
        "import sys\n"
        "from morpheus_gae.executors.open import open_executor\n"
        "from tests.support import make_flows, with_columns\n"
        "executor = open_executor(sys.argv[1], 'cuda', deterministic=True)\n"
        "flows = with_columns(make_flows(100_000, hosts=5_000, pairs=40_000))\n"
        "first = executor.score_flows(flows).surprise\n"
        "assert all((executor.score_flows(flows).surprise == first).all() for _ in range(5))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(every_model[preset].path)], check=True, timeout=120)
