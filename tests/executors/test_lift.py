"""Lift: every executor tells what the oracle does, and what is rare on a pair alone is what gets stranger."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.executors.base import Executor
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.model.calibration import fuse
from morpheus_gae.model.spec import ModelSpec
from tests.executors.test_conformance import KINDS, assert_close, relaxed
from tests.support import make_flows, with_columns

torch = pytest.importorskip("torch")
OTHERS = [kind for kind in KINDS if kind != "torch"]
SPECS = {
    "lift": ModelSpec(preset="lift", lift=True),
    "enriched": ModelSpec(preset="lift", enriched=True, lift=True),
    # not a power of two: without the kernel
    "few": ModelSpec(preset="lift", flow_types=5, lift=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from morpheus_gae.train.train import train_model

    out = tmp_path_factory.mktemp("lift")
    flows = with_columns(make_flows(2000))
    for name, spec in SPECS.items():
        train_model(flows, out / name, spec=spec, seed=1, epochs=2)
    return out


@pytest.fixture(scope="module")
def executors(folder: Path) -> dict[tuple[str, str], Executor]:
    from morpheus_gae.executors.cuda.executor import CudaExecutor

    out: dict[tuple[str, str], Executor] = {}
    for name in SPECS:
        out |= {(name, kind): open_executor(folder / name, kind) for kind in ("cpu", "torch")}
        out[name, "device"] = CudaExecutor(load_artifact(folder / name), "cpu")
    return out


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", SPECS)
@relaxed
@given(count=st.integers(1, 400), seed=st.integers(0, 10_000))
def test_every_executor_agrees_with_the_oracle(executors, folder, kind, name, count, seed):
    graph = build_graph(with_columns(make_flows(count, seed=seed), seed), enriched=SPECS[name].enriched)
    executor = executors.get((name, kind)) or open_executor(folder / name, kind)
    assert_close(executor.score(graph), executors[name, "torch"].score(graph))


def test_the_part_of_a_flow_is_the_stranger_of_both(executors):
    from morpheus_gae.executors.torch.executor import Union

    executor, graph = executors["lift", "torch"], build_graph(make_flows(500, seed=3))
    with torch.inference_mode():
        heads, artifact = executor.heads(Union([graph])), executor.artifact
    own, beside = artifact.tail("flow")(heads.flow), artifact.tail("lift")(heads.lift)
    np.testing.assert_array_equal(executor.score(graph).flow_part, fuse(own, beside))
    # each of them is the stranger one for some
    assert 0.05 < (own > beside).mean() < 0.95


def test_what_the_pair_sends_like_everybody_has_no_lift(executors):
    # memory without counts, and an opinion that is all traffic's: the pair is nobody in particular
    from morpheus_gae.executors.torch.executor import TorchExecutor, Union
    from morpheus_gae.model.lift import POWER

    artifact = executors["lift", "torch"].artifact
    tensors = dict(artifact.tensors)
    tensors["memory.pair_types"] = np.zeros_like(tensors["memory.pair_types"])
    tensors["net.context.2.weight"] = np.zeros_like(tensors["net.context.2.weight"])
    tensors["net.context.2.bias"] = np.log(tensors["lift.share"])
    flows = make_flows(300, seed=4)
    with torch.inference_mode():
        oracle = TorchExecutor(dataclasses.replace(artifact, tensors=tensors))
        heads = oracle.heads(Union([build_graph(flows)]))
    # what is left beside the weak term that keeps parallel flows apart
    assert np.ptp(heads.lift - (1 - POWER) * heads.flow) < 0.7
    assert np.ptp(heads.flow) > 3
