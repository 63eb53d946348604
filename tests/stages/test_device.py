"""GPU mode on the double, with a fake of cuDF and torch on the CPU: what stays on the device.

None of this shows that the real cuDF does as the fake; the test at the end does, on a GPU.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

import morpheus_gae.executors.open
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from tests.fake_cudf import fake_cudf
from tests.stages.test_stages import csv_file

MODEL = Path(__file__).parents[2] / "models" / "default"


def flows(count: int, times: bool = False) -> pa.Table:
    rng = np.random.default_rng(1)
    hosts = rng.integers(0, 40, (2, count))
    src = [f"10.0.0.{i}" for i in hosts[0]]
    src[5], src[6], src[8] = "2001:db8::1", "nowhere", "10.0.0.007"
    return pa.table(
        {
            "IPV4_SRC_ADDR": src,
            "IPV4_DST_ADDR": [f"10.0.1.{i}" for i in hosts[1]],
            "IN_BYTES": rng.integers(40, 10_000, count),
            "OUT_BYTES": rng.integers(0, 10_000, count),
            "FLOW_DURATION_MILLISECONDS": rng.integers(0, 5000, count),
            "note": [f"note {i}" for i in range(count)],
            "Label": np.zeros(count, np.int64),
            **({"FLOW_START_MILLISECONDS": 1_700_000_000_000 + 20_000 * np.arange(count)} if times else {}),
        }
    )


@pytest.fixture
def gpu(host: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Configuration of GPU mode, and an executor that takes columns from the device."""
    if host.REAL:
        pytest.skip("the real one has no GPU mode without its compiled parts")
    if not (MODEL / "config.json").is_file():
        pytest.skip("models/default is not there")
    from morpheus.config import ExecutionMode

    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.model.artifact import load_artifact
    from morpheus_gae.stages import device, infer_gae

    opened = []

    def open_executor(model: str, kind: str) -> Any:
        opened.append(kind)
        return CudaExecutor(load_artifact(model), "cpu")

    with fake_cudf() as package:
        mixin = host.stages.FromNetflowStage.__mro__[1]
        monkeypatch.setattr(mixin, "get_df_pkg", lambda self: package)
        monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_executor)
        monkeypatch.setattr(infer_gae, "share_memory", lambda: None)
        monkeypatch.setattr(device, "best_executor", lambda config: "cuda")
        monkeypatch.setattr(infer_gae, "best_executor", lambda config: "cuda")
        config = host.config(execution_mode=ExecutionMode.GPU)
        config.opened, config.package = opened, package
        yield config


def run(host: Any, config: Any, path: str, output: Path, incidents: str | None = None, **source: Any) -> Any:
    stages = host.stages
    pipeline = host.linear(
        config,
        stages.FromNetflowStage(config, [path], **source),
        stages.BuildGraphStage(config, 100),
        stages.InferGaeStage(config, str(MODEL)),
        stages.FlagAnomaliesStage(config, threshold=0.5),
        stages.ToAlertsStage(config, str(output), incidents=incidents),
        collect := host.Collect(config),
    )
    pipeline.run()
    return pipeline, collect


def embedded(path: Path, output: Path, incidents: str | None = None) -> None:
    from morpheus_gae.executors.cpu.executor import CpuExecutor
    from morpheus_gae.model.artifact import load_artifact

    build_pipeline(
        USUAL,
        Settings(
            (str(path),), str(output), model=str(MODEL), graph_size=100, threshold=0.5, incidents=incidents
        ),
        say=lambda _: None,
        open_executor=lambda model, kind: CpuExecutor(load_artifact(model)),
    ).run()


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("batch_size", [70, 1000])
def test_alerts_are_those_of_the_embedded_engine(
    host: Any, gpu: Any, tmp_path: Path, kind: str, batch_size: int
) -> None:
    table = flows(330)
    path = tmp_path / f"f.{kind}"
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=64)
    else:
        pa.csv.write_csv(table, path)
    pipeline, collect = run(host, gpu, str(path), tmp_path / "gpu.jsonl", batch_size=batch_size)
    assert gpu.opened == ["cuda"]
    embedded(path, tmp_path / "cpu.jsonl")
    ours_, theirs = (rows_of(tmp_path / f"{name}.jsonl") for name in ("gpu", "cpu"))
    assert [row["note"] for row in ours_] == [row["note"] for row in theirs] != []
    for name in ("anomaly_score", "surprise", "surprise_pair", "surprise_flow"):
        np.testing.assert_allclose([r[name] for r in ours_], [r[name] for r in theirs], rtol=2e-3, atol=2e-4)
    assert ours_[0].keys() == theirs[0].keys()
    dead = [rows_of(tmp_path / f"{name}.jsonl.dead.ndjson") for name in ("gpu", "cpu")]
    assert [[(d["row"], d["reason"]) for d in part] for part in dead] == [
        [(6, "unparsable_address"), (8, "unparsable_address")]
    ] * 2
    facts = host.run_of(pipeline).metrics.as_dict()
    assert (facts["flows"], facts["windows"]) == (328, 4)
    # of text, the first block shows the types
    assert facts["decoded"] == ({"cudf": 327, "host": 3} if kind == "parquet" else {"cudf": 0, "host": 330})
    # every row in order, under one index, with the tensor beside it
    frames = collect.frames()
    assert [len(frame) for frame in frames] == [100, 100, 100, 28]
    assert [i for frame in frames for i in frame.index] == list(range(328))
    for message, frame in zip(collect.seen, frames, strict=True):
        probs = message.tensors().get_tensor("probs")
        assert probs.shape == (len(frame), 1)
        assert probs.dtype == np.float32
        assert probs[:, 0].tolist() == frame["anomaly_score"].tolist()


@pytest.mark.parametrize("suffix", [".csv", ".ndjson.gz"])
def test_blocks_of_text_are_those_of_the_embedded_engine(
    host: Any, gpu: Any, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.flows.readers import cudf_text

    monkeypatch.setattr(cudf_text, "BLOCK_BYTES", 4000)
    table = flows(330)
    path = tmp_path / f"f{suffix}"
    if suffix == ".csv":
        pa.csv.write_csv(table, path, pa.csv.WriteOptions(quoting_style="none"))
    else:
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()))
    pipeline, _ = run(host, gpu, str(path), tmp_path / "gpu.jsonl")
    embedded(path, tmp_path / "cpu.jsonl")
    ours_, theirs = (rows_of(tmp_path / f"{name}.jsonl") for name in ("gpu", "cpu"))
    scores = [name for name in ours_[0] if isinstance(ours_[0][name], float)]
    assert [{k: v for k, v in row.items() if k not in scores} for row in ours_] == [
        {k: v for k, v in row.items() if k not in scores} for row in theirs
    ]
    dead = [rows_of(tmp_path / f"{name}.jsonl.dead.ndjson") for name in ("gpu", "cpu")]
    assert dead[0] == dead[1]
    assert len(dead[0]) == 2
    decoded = host.run_of(pipeline).metrics.as_dict()["decoded"]
    assert decoded["cudf"] + decoded["host"] == 330
    assert decoded["cudf"] > 150


@pytest.mark.parametrize("times", [False, True])
def test_incidents_are_those_of_the_embedded_engine(host: Any, gpu: Any, tmp_path: Path, times: bool) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(flows(330, times), path, row_group_size=64)
    paths = [tmp_path / f"{name}.incidents.jsonl" for name in ("gpu", "cpu")]
    run(host, gpu, str(path), tmp_path / "gpu.jsonl", str(paths[0]))
    embedded(path, tmp_path / "cpu.jsonl", str(paths[1]))
    ours_, theirs = map(rows_of, paths)
    assert [row["id"] for row in ours_] == [row["id"] for row in theirs] != []
    # scores are those of two executors, which round on their own
    rounded = ("surprise", "surprise_pooled", "false_a_day", "share_pair", "share_flow", "share_graph")
    for one, other in zip(ours_, theirs, strict=True):
        for name in rounded:
            assert one[name] == pytest.approx(other[name], rel=0.05, abs=0.02), name
        told = [{k: v for k, v in row.items() if k not in (*rounded, "facts")} for row in (one, other)]
        assert told[0] == told[1]


def test_no_row_goes_to_the_host_before_it_is_scored(host: Any, gpu: Any, tmp_path: Path) -> None:
    table = flows(330)
    usual = table.take([i for i in range(330) if i not in (5, 6, 8)])
    pq.write_table(usual, tmp_path / "f.parquet", row_group_size=64)
    import pandas as pd

    stock, copied = pd.DataFrame.to_arrow, []

    def to_arrow(frame: Any, preserve_index: bool = True) -> Any:
        copied.append(list(frame.columns))
        assert "surprise" in frame.columns
        return stock(frame, preserve_index)

    # undone before the fake is
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_arrow", to_arrow)
        run(host, gpu, str(tmp_path / "f.parquet"), tmp_path / "a.jsonl")
    # flag-anomalies reads its labels and the surprise, to-alerts the flagged rows
    assert ["Label", "surprise"] in copied


def test_no_two_columns_share_memory(host: Any, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd
    import torch

    from morpheus_gae.executors.cuda.device import DeviceScores
    from morpheus_gae.stages.device import scored_on_device

    given: list[int] = []

    def from_dlpack(tensor: Any) -> Any:
        given.append(tensor.data_ptr())
        return np.from_dlpack(tensor)

    monkeypatch.setattr(sys.modules["cupy"], "from_dlpack", from_dlpack)
    # as the published model gives them: it has no parts
    zeros = torch.zeros(4)
    scores = DeviceScores(torch.rand(4), torch.rand(4), zeros, zeros, torch.zeros((), dtype=torch.int64))
    frame, probs = scored_on_device(pd.DataFrame({"IN_BYTES": range(4)}), scores, gpu.package)
    assert len(set(given)) == 4
    assert frame["surprise_pair"].tolist() == frame["surprise_flow"].tolist() == [0, 0, 0, 0]
    assert probs.ravel().tolist() == frame["anomaly_score"].tolist() == scores.score.tolist()


@pytest.mark.parametrize(
    ("resource", "pooled", "shared"),
    [("CudaMemoryResource", True, True), ("PoolMemoryResource", False, True), ("none", False, False)],
)
def test_the_three_libraries_share_a_pool(
    host: Any, gpu: Any, resource: str, pooled: bool, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "none": plain allocations, and a driver that has no pools
    import torch

    from morpheus_gae.stages.device import share_memory

    told: dict[str, Any] = {}

    def pool() -> str:
        if resource == "none":
            raise RuntimeError("cudaMallocAsync not supported with this CUDA driver/runtime version")
        return "the driver's"

    kinds = {name: type(name, (), {}) for name in ("CudaMemoryResource", "PoolMemoryResource")}
    now = kinds["CudaMemoryResource" if resource == "none" else resource]()
    mr = SimpleNamespace(
        **kinds,
        CudaAsyncMemoryResource=pool,
        get_current_device_resource=lambda: now,
        set_current_device_resource=lambda new: told.update(pool=new),
    )
    cuda = SimpleNamespace(set_allocator=lambda allocator: told.update(cupy=allocator))
    for name, module in {
        "rmm": SimpleNamespace(mr=mr),
        "rmm.mr": mr,
        "rmm.allocators.cupy": SimpleNamespace(rmm_cupy_allocator="rmm"),
        "rmm.allocators.torch": SimpleNamespace(rmm_torch_allocator="rmm"),
        "cupy": SimpleNamespace(cuda=cuda),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(
        torch.cuda.memory, "change_current_allocator", lambda allocator: told.update(torch=allocator)
    )
    share_memory()
    assert told == ({"pool": "the driver's"} if pooled else {}) | (
        {"cupy": "rmm", "torch": "rmm"} if shared else {}
    )


def test_windows_by_time_are_cut_on_the_host(host: Any, gpu: Any, tmp_path: Path) -> None:
    c = gpu
    stages = host.stages
    build = stages.BuildGraphStage(c, 10, 60.0)
    source = stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    host.linear(c, source, build, stages.InferGaeStage(c, str(MODEL)), collect := host.Collect(c)).run()
    assert not build.on_device
    assert [message.payload().count for message in collect.seen] == [10, 10, 5]


@pytest.mark.gpu
def test_the_real_ones(tmp_path: Path) -> None:
    import torch

    cudf = pytest.importorskip("cudf")
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    from morpheus_gae.flows.exporters.convert import table_to_flows
    from morpheus_gae.flows.readers.cudf_columns import parquet_on_device

    table = flows(330)
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=64)
    row = 0
    for found in parquet_on_device(str(tmp_path / "f.parquet"), cudf, 100, None, print):
        size = len(found.flows) + len(found.bad)
        wanted = table_to_flows(table.slice(row, size), "f", row)
        halves = [c.cpu().numpy() for c in found.flows.columns]
        for half, name in zip(halves, ("src_hi", "src_lo", "dst_hi", "dst_lo"), strict=False):
            np.testing.assert_array_equal(half.view(np.uint64), getattr(wanted.flows, name))
        np.testing.assert_array_equal(halves[4], wanted.flows.attributes)
        assert [b.row for b in found.bad] == [b.row for b in wanted.bad]
        assert all(c.is_cuda for c in found.flows.columns)
        row += size
    assert row == 330


def test_what_enriched_models_read_is_made_on_the_host(host: Any) -> None:
    from morpheus_gae.model.spec import ModelSpec
    from morpheus_gae.stages.device import on_device

    config = SimpleNamespace(execution_mode=SimpleNamespace(name="GPU"))
    for enriched in (False, True):
        artifact = SimpleNamespace(spec=ModelSpec(enriched=enriched))
        executor = SimpleNamespace(artifact=artifact, score_device=len)
        assert on_device(config, executor) is not enriched
        assert not on_device(config, SimpleNamespace(artifact=artifact))
