"""The CUDA executor's code on the CPU, and its kernels under Triton's interpreter."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from morpheus_gae.errors import GaeError
from morpheus_gae.executors.base import Scores, open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model import memory as on_host
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.features import class_flags
from morpheus_gae.model.spec import PRESETS
from tests.support import make_flows

torch = pytest.importorskip("torch")


def executor_of(artifact: Artifact):
    from morpheus_gae.executors.cuda import CudaExecutor

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
    from morpheus_gae.executors import device_graph, device_memory

    hi, lo = addresses(500)
    keys = on_host.host_keys(hi, lo, 2**63 + 12345)
    got = device_memory.host_keys(bits(hi), bits(lo), 2**63 + 12345)
    np.testing.assert_array_equal(got.numpy().view(np.uint64), keys)
    pairs = device_memory.pair_keys(got, got.flip(0)).numpy().view(np.uint64)
    np.testing.assert_array_equal(pairs, on_host.pair_keys(keys, keys[::-1]))
    np.testing.assert_array_equal(device_graph.class_flags(bits(hi), bits(lo)).numpy(), class_flags(hi, lo))


@pytest.mark.parametrize("seed", range(5))
def test_graphs_are_those_of_the_host(seed: int) -> None:
    from morpheus_gae.executors.device import upload
    from morpheus_gae.executors.device_graph import build_device_graph
    from morpheus_gae.model.spec import preset

    spec = preset("published")
    flows = make_flows(400, hosts=50, pairs=160, seed=seed)
    hi, lo = addresses(50, seed)
    pick = np.random.default_rng(seed).integers(0, 50, (2, 400))
    flows = replace(flows, src_hi=hi[pick[0]], src_lo=lo[pick[0]], dst_hi=hi[pick[1]], dst_lo=lo[pick[1]])
    want = build_graph(flows, octets=True, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
    got = build_device_graph(upload(flows, "cpu"), spec)
    assert got.pair_src.shape[0] == want.pairs
    assert got.host_lo.shape[0] == want.hosts
    names = list(zip(want.host_hi.tolist(), want.host_lo.tolist(), strict=True))
    order = [
        names.index((int(h) % 2**64, int(x) % 2**64))
        for h, x in zip(got.host_hi.tolist(), got.host_lo.tolist(), strict=True)
    ]
    np.testing.assert_allclose(got.octets.numpy(), want.octets[order], atol=1e-6)
    np.testing.assert_allclose(got.averaged.numpy(), want.averaged[order], atol=1e-5)
    src = np.array(order)[got.pair_src.numpy()][got.pair.numpy()]
    np.testing.assert_array_equal(src, want.src)
    np.testing.assert_array_equal(got.pair_flows.numpy()[got.pair.numpy()], want.pair_flows[want.pair])


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


@pytest.mark.parametrize("preset", PRESETS)
def test_less_at_a_time_where_memory_runs_out(
    tiny_models: dict[str, Artifact], preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = executor_of(tiny_models[preset])
    flows = make_flows(300)
    want = executor.score_flows(flows)
    scored, chunks = executor._scored, []

    def tight(graph, chunk):
        chunks.append(chunk)
        if chunk > 1 << 16:
            raise torch.cuda.OutOfMemoryError("full")
        return scored(graph, 64)

    monkeypatch.setattr(executor, "_scored", tight)
    close(executor.score_flows(flows), want)
    assert chunks == sorted(chunks, reverse=True)
    assert len(chunks) == 3
    monkeypatch.setattr(executor, "_scored", lambda *_: tight(None, 1 << 20))
    with pytest.raises(GaeError, match="--graph_size"):
        executor.score_flows(flows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_gpu_there_is_one_clear_line(tiny_models: dict[str, Artifact]) -> None:
    with pytest.raises(GaeError, match=r"no CUDA device .* --executor cpu"):
        open_executor(tiny_models["default"].path, "cuda")


KERNELS = """
import numpy as np, torch
from morpheus_gae.executors import cuda_flow, triton_flow
rng = np.random.default_rng(0)
e, p, k = 500, 60, 32
edges = tuple(torch.from_numpy(np.unique(rng.exponential(300, n).astype(np.float32))) for n in (40, 77, 12))
sizes = [edge.shape[0] + 1 for edge in edges]
groups = tuple(torch.from_numpy(np.sort(rng.integers(0, 7, n)).astype(np.int32)) for n in sizes[:2])
shapes = ((sizes[0], k), (7, sizes[1], k), (7, sizes[2], k))
tables = tuple(torch.from_numpy(rng.random(s, np.float32) / s[-2] + 1e-5) for s in shapes)
attributes = torch.from_numpy(rng.exponential(300, (e, 3)).astype(np.float32))
# on an edge, at nothing, beyond everything
attributes[:40, 0] = edges[0][:40]; attributes[40:60] = 0; attributes[60:70] = 1e30
missing = torch.from_numpy(rng.random(e) < 0.2)
pair = torch.from_numpy(rng.integers(0, p, e))
mix = torch.softmax(torch.from_numpy(rng.normal(size=(p, k)).astype(np.float32)), 1)
scaling = torch.tensor([5, 5, 5, 0.7, 0.6, 0.5, 0.01, 0.011, 0.013])
args = (attributes, missing, pair, mix, edges, groups, tables, scaling)
want, got = torch.empty(e), torch.full((e,), float("nan"))
cuda_flow.flow_values_torch(*args, want, chunk=64)
assert cuda_flow.has_triton(torch.device("cpu"))
cuda_flow.flow_values(*args, got)
torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
none = torch.empty(0)
cuda_flow.flow_values(attributes[:0], missing[:0], pair[:0], *args[3:], none)
print("the same")
"""


def test_the_flow_kernel_under_the_interpreter() -> None:
    pytest.importorskip("triton")
    done = subprocess.run(
        [sys.executable, "-c", KERNELS],
        env={"TRITON_INTERPRET": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout == "the same\n", done.stderr[-3000:]
