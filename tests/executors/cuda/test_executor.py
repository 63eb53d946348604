"""The CUDA executor's code on the CPU."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

import numpy as np
import pytest

from morpheus_gae.errors import GaeError
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model import memory as on_host
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.features import class_flags
from morpheus_gae.model.spec import PRESETS
from tests.support import make_flows

torch = pytest.importorskip("torch")


def executor_of(artifact: Artifact):
    from morpheus_gae.executors.cuda.executor import CudaExecutor

    return CudaExecutor(artifact, "cpu")


def addresses(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random IPv6 and IPv4 addresses, and the special ones."""
    rng = np.random.default_rng(seed)
    hi, lo = rng.integers(0, 2**64, (2, n), np.uint64)
    v4 = rng.random(n) < 0.6
    hi[v4], lo[v4] = 0, 0xFFFF_0000_0000 | (lo[v4] >> np.uint64(32))
    special = ["10.0.0.1", "172.16.0.1", "192.168.1.255", "100.64.0.1", "224.0.0.1", "255.255.255.255"]
    special += ["127.0.0.1", "169.254.1.1", "0.0.0.0", "::1", "::", "fe80::1", "fd00::1", "ff02::1"]
    import ipaddress

    for i, text in enumerate(special):
        address = ipaddress.ip_address(text)
        number = int(address) | (0xFFFF_0000_0000 if address.version == 4 else 0)
        hi[i], lo[i] = number >> 64, number & (2**64 - 1)
    return hi, lo


def bits(array: np.ndarray) -> object:
    return torch.from_numpy(array.view(np.int64).copy())


def test_keys_and_flags_are_those_of_the_host() -> None:
    from morpheus_gae.executors.cuda import graph as device_graph
    from morpheus_gae.executors.cuda import memory_keys as device_memory

    hi, lo = addresses(500)
    keys = on_host.host_keys(hi, lo, 2**63 + 12345)
    got = device_memory.host_keys(bits(hi), bits(lo), 2**63 + 12345)
    np.testing.assert_array_equal(got.numpy().view(np.uint64), keys)
    pairs = device_memory.pair_keys(got, got.flip(0)).numpy().view(np.uint64)
    np.testing.assert_array_equal(pairs, on_host.pair_keys(keys, keys[::-1]))
    np.testing.assert_array_equal(device_graph.class_flags(bits(hi), bits(lo)).numpy(), class_flags(hi, lo))


@pytest.mark.parametrize("seed", range(5))
def test_graphs_are_those_of_the_host(seed: int) -> None:
    from morpheus_gae.executors.cuda.device import upload
    from morpheus_gae.executors.cuda.graph import build_device_graph
    from morpheus_gae.model.spec import preset

    spec = preset("published")
    flows = make_flows(400, hosts=50, pairs=160, seed=seed)
    hi, lo = addresses(50, seed)
    pick = np.random.default_rng(seed).integers(0, 50, (2, 400))
    flows = replace(flows, src_hi=hi[pick[0]], src_lo=lo[pick[0]], dst_hi=hi[pick[1]], dst_lo=lo[pick[1]])
    want = build_graph(flows, octets=True, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
    got = build_device_graph(upload(flows, "cpu"), spec)
    for name in ("pair", "pair_src", "pair_dst", "pair_flows"):
        np.testing.assert_array_equal(getattr(got, name).numpy(), getattr(want, name), err_msg=name)
    for name in ("host_hi", "host_lo"):
        np.testing.assert_array_equal(getattr(got, name).numpy().view(np.uint64), getattr(want, name))
    np.testing.assert_allclose(got.octets.numpy(), want.octets, atol=1e-6)
    np.testing.assert_allclose(got.averaged.numpy(), want.averaged, atol=1e-5)


@pytest.mark.parametrize("knots", [1, 2, 40])
@pytest.mark.parametrize("k", [3.0, np.inf])
def test_tails_are_those_of_the_host(knots: int, k: float) -> None:
    from morpheus_gae.executors.cuda.tail import DeviceTail
    from morpheus_gae.model.calibration import TailMap

    x = np.linspace(-2, 5, knots, dtype=np.float32)
    tail = TailMap(x, np.linspace(0.1, 2, knots, dtype=np.float32), np.array([0.7, k], np.float32))
    v = np.concatenate([x, np.linspace(-30, 60, 500, dtype=np.float32)])
    got = DeviceTail(tail, torch.device("cpu"))(torch.from_numpy(v)).numpy()
    np.testing.assert_allclose(got, tail(v), rtol=1e-5)


def close(a: Scores, b: Scores) -> None:
    for name in ("score", "surprise", "pair_part", "flow_part"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-4, err_msg=name)
    assert a.unseen_hosts == b.unseen_hosts


@pytest.mark.parametrize("preset", PRESETS)
def test_columns_to_scores(tiny_models: dict[str, Artifact], preset: str) -> None:
    artifact = tiny_models[preset]
    executor, host = executor_of(artifact), open_executor(artifact.path, "cpu")
    windows = [make_flows(n, hosts=40, pairs=150, seed=n) for n in (1, 300, 77)]
    windows.insert(1, windows[0].slice(0, 0))
    spec = artifact.spec
    for flows, scores in zip(windows, executor.score_many(windows), strict=True):
        graph = build_graph(flows, octets=spec.octets, tolerance=spec.tolerance)
        close(scores, host.score(graph))
        built = executor.build(flows)
        assert (built.flows, built.hosts, built.pairs) == (graph.flows, graph.hosts, graph.pairs)
        close(executor.score(built), scores)


FULL = [
    torch.cuda.OutOfMemoryError("full"),
    # what becomes of the error of RMM's allocator on its way through torch
    MemoryError("std::bad_alloc: out_of_memory"),
    RuntimeError("std::bad_alloc: out_of_memory: CUDA error"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("preset", PRESETS)
def test_less_at_a_time_where_memory_runs_out(
    tiny_models: dict[str, Artifact], preset: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda import executor as cuda

    executor = executor_of(tiny_models[preset])
    flows = make_flows(300)
    want = executor.score_flows(flows)
    scored, chunks, holds = executor._scored, [], 20
    monkeypatch.setattr(cuda, "SMALLEST_CHUNK", 10)
    # under the interpreter too
    monkeypatch.setattr(executor, "in_chunks", True)

    def tight(graph, chunk):
        chunks.append(chunk)
        if chunk > holds:
            raise error
        return scored(graph, chunk)

    monkeypatch.setattr(executor, "_scored", tight)
    close(executor.score_flows(flows), want)
    # all at a time first, however many a chunk may have
    assert chunks == [300, 75, 18]
    holds = 0
    with pytest.raises(GaeError, match="--graph_size"):
        executor.score_flows(flows)
    assert chunks[3:] == [300, 75, 18, 4]
    # a kernel holds nothing that less at a time would spare: it would be the same attempt
    monkeypatch.setattr(executor, "in_chunks", False)
    with pytest.raises(GaeError, match="--graph_size"):
        executor.score_flows(flows)
    assert chunks[7:] == [300]


def test_an_error_of_another_kind_is_no_reason_to_try_again(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, tried = executor_of(tiny_models["default"]), []

    def broken(graph, chunk):
        tried.append(chunk)
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(executor, "_scored", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        executor.score_flows(make_flows(10))
    assert len(tried) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_gpu_there_is_one_clear_line(tiny_models: dict[str, Artifact]) -> None:
    with pytest.raises(GaeError, match=r"no CUDA device .* --executor cpu"):
        open_executor(tiny_models["default"].path, "cuda")


class Stand:
    """Stands for a stream or an event: everything is done at once, in the order asked for."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def wait_stream(self, other: Stand) -> None:
        pass

    def synchronize(self) -> None:
        pass


def test_windows_in_a_stream_survive_a_full_memory(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda.lanes import Lanes
    from morpheus_gae.executors.cuda.stream import AHEAD, Streamed

    executor = executor_of(tiny_models["default"])
    windows = [make_flows(n, seed=n) for n in (50, 1, 70, 40, 90, 30)]
    want = [executor.score_flows(window) for window in windows]
    monkeypatch.setattr(torch.cuda, "Stream", Stand)
    monkeypatch.setattr(torch.cuda, "current_stream", Stand)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    executor.lanes = Lanes(executor.device)
    streamed, score, held = Streamed(executor), executor.score_device, []

    def tight(flows):
        held.append(len(streamed.waiting))
        if len(flows) == 40 and streamed.waiting:
            raise torch.cuda.OutOfMemoryError("full")
        return score(flows)

    monkeypatch.setattr(executor, "score_device", tight)
    for got, expected in zip(streamed.run(iter(windows)), want, strict=True):
        close(got, expected)
    assert max(held) == AHEAD
    assert not streamed.waiting
    assert list(streamed.run([])) == []

    # whoever reads no further leaves nothing behind
    some = streamed.run(windows)
    next(some)
    assert streamed.waiting
    some.close()
    assert not streamed.waiting

    tried = []

    def full(flows):
        tried.append(len(flows))
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(executor, "score_device", full)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        list(streamed.run(windows))
    # once with the next one there, once alone; and but once where it was alone
    assert tried == [50, 50]
    with pytest.raises(torch.cuda.OutOfMemoryError):
        list(streamed.run(windows[:1]))
    assert tried == [50, 50, 50]
    with pytest.raises(GaeError, match=r"a window of 50 flows: .*--graph_size"):
        executor.score_flows(windows[0])


@pytest.mark.parametrize("grain", [7, 1 << 17])
def test_columns_may_be_read_only_and_strided(
    tiny_models: dict[str, Artifact], grain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda import device

    # as many ranges, for several threads, or one
    monkeypatch.setattr(device, "GRAIN", grain)
    executor = executor_of(tiny_models["default"])
    flows = make_flows(40)
    want = executor.score_flows(flows)
    wide = np.zeros((40, 6), np.float32)
    wide[:, ::2] = flows.attributes
    other = replace(flows, attributes=wide[:, ::2], src_lo=flows.src_lo.copy())
    for column in (other.attributes, other.src_lo):
        column.flags.writeable = False
    close(executor.score_flows(other), want)


@pytest.fixture
def torch_as_before():
    before = torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.utils.deterministic.fill_uninitialized_memory = before[1]


@pytest.mark.usefixtures("torch_as_before")
def test_a_fixed_order_is_told_to_torch_and_changes_no_score(
    tiny_models: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    from morpheus_gae.executors.cuda.executor import CudaExecutor

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    artifact, flows = tiny_models["published"], make_flows(300)
    want = CudaExecutor(artifact, "cpu").score_flows(flows)
    assert not torch.are_deterministic_algorithms_enabled()
    close(CudaExecutor(artifact, "cpu", deterministic=True).score_flows(flows), want)
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
