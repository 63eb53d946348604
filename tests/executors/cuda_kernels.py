"""Each Triton kernel against its torch form: run as a module under Triton's interpreter, or on a GPU.

    TRITON_INTERPRET=1 python -m tests.executors.cuda_kernels kernels
    TRITON_INTERPRET=1 python -m tests.executors.cuda_kernels MODEL ...

With model folders whole windows are scored, by the kernels and by the oracle.
"""

from __future__ import annotations

import collections
import copy
import sys

import numpy as np
import torch

from morpheus_gae.executors.cuda import attention as cuda_attention
from morpheus_gae.executors.cuda import dispatch
from morpheus_gae.executors.cuda import distinct as cuda_distinct
from morpheus_gae.executors.cuda import edge as cuda_edge
from morpheus_gae.executors.cuda import features as cuda_features
from morpheus_gae.executors.cuda import memory as cuda_memory
from morpheus_gae.executors.cuda import pairs as cuda_pairs
from morpheus_gae.executors.cuda import sums as cuda_sums
from morpheus_gae.executors.cuda.graph import class_flags
from morpheus_gae.executors.cuda.memory_keys import DeviceMemory, find_torch
from morpheus_gae.executors.cuda.rows import PART, Rows, rows_of
from morpheus_gae.executors.cuda.ties import apart
from tests.executors.flow_kernel import check_flow, sent, tail_of
from tests.executors.kernel_memory import made


def hub_rows(device: str, rng: np.random.Generator, n: int = 30, spread: int = 90, hub: int = 2) -> Rows:
    """Rows without entries, with a few, and one with more than ``hub`` parts; entries in no order."""
    end = np.concatenate([rng.integers(0, n - 3, spread), np.full(hub * PART + 5, 7)])
    start = rng.integers(0, n, end.size)
    order = rng.permutation(end.size)
    return rows_of(sent(start[order], device), sent(end[order], device), n)


def check_pairs(device: str, n: int = 150, p: int = 400) -> None:
    """Memory of some of the hosts and pairs, existence head and mixture, with and without embeddings."""
    from morpheus_gae.model.gae import GAE
    from morpheus_gae.model.spec import preset

    rng = np.random.default_rng(4)
    m = made(n, p, rng)
    ends = (sent(m.src, device), sent(m.dst, device))
    addresses = (sent(m.hi.view(np.int64), device), sent(m.lo.view(np.int64), device))
    flags = class_flags(*addresses)
    for known, prefixes in ((m.full, None), (m.empty, None), (m.full, m.prefixes)):
        memory = DeviceMemory(known, device, prefixes)
        want, got = find_torch(memory, *addresses, *ends), cuda_memory.find(memory, *addresses, *ends)
        for a, b, names in ((got, want, want._fields[:-1]), (got.near, want.near, want.near._fields)):
            for name in names:
                assert (getattr(a, name) == getattr(b, name)).all(), name
        assert memory.prefixes is None or (want.near.forward != want.forward).any()
        for name in ("default", "graph"):
            torch.manual_seed(0)
            net = GAE(preset(name)).to(device).requires_grad_(False)
            model = cuda_pairs.PairModel.of(net, tail_of(rng, device, 96, 3.0, np.inf))
            z = sent(rng.normal(size=(n, 64)).astype("f4"), device) if name == "graph" else None
            for biased in (False, True):
                a = cuda_pairs.existence(got, flags, *ends, memory, model, biased)
                b = cuda_pairs.existence_torch(want, flags, *ends, memory, model, biased)
                for one, other in zip(a, b, strict=True):
                    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
            a = cuda_pairs.mixture(got, *ends, memory, model, z)
            b = cuda_pairs.mixture_torch(want, *ends, memory, model, z)
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
            if z is None:
                a = cuda_pairs.both(got, flags, *ends, memory, model)
                b = cuda_pairs.both_torch(want, flags, *ends, memory, model)
                for one, other, atol in zip(a, b, (1e-5, 1e-6), strict=True):
                    torch.testing.assert_close(one, other, rtol=1e-4, atol=atol)


def check_sums(device: str, hub: int = 2) -> None:
    rng = np.random.default_rng(1)
    rows = hub_rows(device, rng, hub=hub)
    for features in (8, 64, 5):
        x = sent(rng.normal(size=(30, features)).astype(np.float32), device)
        for gate in (None, sent((rng.random(30, np.float32) * (rng.random(30) < 0.5)).astype("f4"), device)):
            check_sum(cuda_sums.neighbour_sums(x, gate, rows), x, gate, rows)
    none = rows_of(rows.start[:0], rows.end[:0], 30)
    assert not cuda_sums.neighbour_sums(x, None, none).any()


def check_sum(got: torch.Tensor, x: torch.Tensor, gate: torch.Tensor | None, rows: Rows) -> None:
    """Against double: signs cancel, so what rounding may do goes by the sum of the magnitudes."""
    gate = None if gate is None else gate.double()
    want = cuda_sums.neighbour_sums_torch(x.double(), gate, rows)
    most = cuda_sums.neighbour_sums_torch(x.abs().double(), gate, rows)
    # a neighbour left out of a hub of 77,000 moves its sum by 1.3e-5 of that
    off = (got.double() - want).abs()
    assert bool((off <= 2e-6 * most).all()), f"off by {float((off / most.clamp(min=1e-9)).max()):.1e}"


def check_attention(device: str, hub: int = 2) -> None:
    from morpheus_gae.model.gae import PairAttention

    rng = np.random.default_rng(2)
    rows = hub_rows(device, rng, hub=hub)
    pairs = rows.start.shape[0]
    start, end = torch.empty_like(rows.start), torch.empty_like(rows.end)
    start[rows.entry], end[rows.entry] = rows.start, rows.end
    torch.manual_seed(0)
    layer = PairAttention(16, 32, 2).to(device).requires_grad_(False)
    exact = copy.deepcopy(layer).double()
    x = sent(rng.normal(size=(30, 16)).astype(np.float32), device) * 3
    pf = sent(rng.normal(size=(pairs, 5)).astype(np.float32), device)
    for bias in (None, sent(-rng.exponential(30, pairs).astype(np.float32), device)):
        args = (layer.left(x), layer.right(x), layer.edge.weight.T.contiguous(), pf, bias, layer.attend, rows)
        got = cuda_attention.attention(*args)
        # in double, else it is the sums of the layer itself that are off at a hub
        wide = None if bias is None else bias.double()
        want = exact(x.double(), start, end, pf.double(), wide).float()
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def check_edge(device: str, e: int = 300) -> None:
    from morpheus_gae.model.gae import GAE
    from morpheus_gae.model.spec import preset

    torch.manual_seed(0)
    net = GAE(preset("published")).to(device).requires_grad_(False)
    weights = cuda_edge.EdgeWeights.of(net)
    z, window = torch.randn(20, 64, device=device), torch.randn(1, 64, device=device)
    src, dst = torch.randint(0, 20, (2, 150), device=device).unbind()
    got = cuda_edge.pair_parts(z, src, dst, weights, window)
    want = net.pair(net.pair_embedding(z, src, dst)) + window
    for a in (got, cuda_edge.pair_parts_torch(z, src, dst, weights, window)):
        torch.testing.assert_close(a, want, rtol=1e-4, atol=1e-5)
    f, u = torch.randn(e, 4, device=device) * 3, torch.randn(40, 64, device=device)
    # probabilities next to 0 and next to 1
    u[:10] *= 60
    pair = torch.randint(0, 40, (e,), device=device)
    attributes = torch.floor(torch.rand(e, 3, device=device) * 1e5)
    missing, centre = attributes[:, 0] > 9e4, torch.tensor([1.13e9, 1.12e9, 1.14e9], device=device).long()
    score, told = cuda_edge.edge_scores(f, attributes, missing, pair, u, weights, centre)
    want = torch.full((e,), torch.nan, device=device)
    cuda_edge.edge_surprise_torch(f, pair, u, weights, want, chunk=64)
    torch.testing.assert_close(told.float(), want, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(score, -torch.expm1(-want), rtol=1e-4, atol=1e-6)
    assert (told == apart(told.float(), attributes, missing, centre)).all()


def check_unet(device: str, hub: int = 2) -> None:
    from morpheus_gae.executors.cuda.encoder import unet, unet_torch
    from morpheus_gae.model.gae import GraphUNet

    rng = np.random.default_rng(9)
    rows = hub_rows(device, rng, hub=hub)
    torch.manual_seed(1)
    net = GraphUNet(64, 3).to(device).requires_grad_(False)
    net.gain += torch.rand_like(net.gain)
    x = sent(rng.normal(size=(30, 64)).astype(np.float32), device)
    # a step of the gates is steep: 50 times a value's difference
    torch.testing.assert_close(unet(net, x, rows), unet_torch(net, x, rows), rtol=1e-3, atol=1e-4)


def check_features(device: str, e: int = 900, p: int = 70) -> None:
    rng = np.random.default_rng(8)
    attributes = sent(np.floor(rng.exponential(300, (e, 3))).astype(np.float32), device)
    attributes[:9], attributes[9:15] = 0, 3e38
    # one pair with most of the flows
    pair = np.where(rng.random(e) < 0.6, 7, rng.permutation(e) % p)
    count = sent(np.bincount(pair, minlength=p), device)
    missing = sent(rng.random(e) < 0.2, device)
    scaling = torch.tensor([5, 5, 5, 0.7, 0.6, 0.5], device=device)
    args = (attributes, missing, sent(pair, device), count, scaling)
    for a, b in zip(
        cuda_features.edge_features(*args), cuda_features.edge_features_torch(*args), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def check_distinct(device: str, n: int = 900) -> None:
    rng = np.random.default_rng(3)
    halves = np.array([0, 1, -1, 2**63 - 1, -(2**63)])
    columns = {
        "few keys, same halves in other combinations": (rng.choice(halves, n), rng.choice(halves, n)),
        "one key": (np.zeros(n, np.int64), np.full(n, 0xFFFF_0A00_0001)),
        "all different": (np.zeros(n, np.int64), rng.permutation(n)),
        "one row": (np.zeros(1, np.int64), np.ones(1, np.int64)),
    }
    for name, (hi, lo) in columns.items():
        number, first = cuda_distinct.distinct(sent(hi, device), sent(lo, device))
        want: dict[tuple[int, int], int] = {}
        for key in zip(hi.tolist(), lo.tolist(), strict=True):
            want.setdefault(key, len(want))
        assert number.tolist() == [want[key] for key in zip(hi.tolist(), lo.tolist(), strict=True)], name
        at = first.cpu().numpy()
        assert list(zip(hi[at].tolist(), lo[at].tolist(), strict=True)) == list(want), name


def check_graph(device: str, e: int = 1030) -> None:
    """Numbers, counts, addresses and classes are the host's."""
    from morpheus_gae.executors.cuda import graph as device_graph
    from morpheus_gae.executors.cuda.device import DeviceFlows
    from morpheus_gae.graph.hashing import number
    from morpheus_gae.model import features
    from tests.executors.cuda.test_executor import addresses

    rng = np.random.default_rng(4)
    one = np.zeros(e, np.int64)
    wide = rng.integers(0, 2 * e, (2, e))
    hosts = {
        "few": wide % 40,
        "a hub": np.where(rng.random((2, e)) < [[0.9], [0.1]], 3, wide),
        "one pair": np.stack([one, one + 1]),
        "one host": np.stack([one, one]),
        "all different": rng.permutation(2 * e).reshape(2, e),
        "none of the last flow's": np.stack([np.r_[one[1:], 5], np.r_[one[1:], 6]]),
        "one flow": np.array([[2], [9]]),
    }
    # of every class; the same with few halves, in many combinations; IPv4 alone
    hi, lo = addresses(2 * e)
    spread = np.arange(2 * e, dtype=np.uint64)
    tables = {
        "mixed": (hi, lo),
        "combined": (spread // np.uint64(64) << np.uint64(57), spread % np.uint64(64) << np.uint64(58)),
        "IPv4": (np.zeros_like(lo), np.uint64(0xFFFF_0A00_0000) + spread),
    }
    for which, host in hosts.items():
        for kind in tables if which == "few" else ("mixed",):
            hi, lo = tables[kind]
            columns = [half[end] for end in host for half in (hi, lo)]
            none = torch.empty(0, device=device)
            flows = DeviceFlows(*(sent(c.view(np.int64), device) for c in columns), none, none)
            want = [a.astype(np.int64) for a in number(*columns)]
            want.append(features.class_flags(*(a.view(np.uint64) for a in want[4:])))
            got = device_graph.numbered(flows)
            assert got[6] is not None, "the kernels did not run"
            for a, b in zip(got, want, strict=True):
                assert a is not None
                assert a.dtype == torch.from_numpy(b).dtype
                np.testing.assert_array_equal(a.cpu().numpy(), b, err_msg=f"{which}, {kind}")


def check_rows(device: str, n: int = 300, m: int = 900) -> None:
    """The kernels' rows are torch's, number for number."""
    from morpheus_gae.executors.cuda import rows as device_rows
    from morpheus_gae.executors.cuda.triton import rows as triton_rows

    rng = np.random.default_rng(6)
    fields = ("start", "end", "degree", "row", "from", "to", "stop")
    ends = {
        "spread": rng.integers(0, n, m),
        "a hub, and rows without entries": np.where(rng.random(m) < 0.7, n - 2, rng.integers(5, n // 2, m)),
        "the first alone": np.zeros(m, np.int64),
        "the last alone": np.full(m, n - 1),
        "whole parts": np.arange(m) // PART,
        "one": np.array([3]),
    }
    for name, end in ends.items():
        key, entry = torch.sort(sent(end, device).to(torch.int32), stable=True)
        start = sent(rng.integers(0, n, end.size), device)
        starts = start[: end.size // 3], start[end.size // 3 :]
        want = device_rows.compressed_torch(key, entry, starts, n)
        got = triton_rows.compressed(key, entry, starts, n, PART)
        # where a part that is not needed begins does not matter
        needed = want[3] < n
        assert torch.equal(got[5] - got[4], want[5] - want[4]), name
        for a, b, what in zip(got, want, fields, strict=True):
            inside = (a[needed], b[needed]) if what in ("from", "to") else (a, b)
            assert torch.equal(*inside), f"{name}, {what}"


def check_octets(device: str, n: int = 12, hub: int = 1) -> None:
    """Features, and averages sweep by sweep, are torch's."""
    from morpheus_gae.executors.cuda import octets as device_octets
    from morpheus_gae.executors.cuda.rows import both_ways
    from tests.executors.cuda.test_executor import addresses

    rng = np.random.default_rng(7)
    p = 2 * n + hub * PART + 9
    hi, lo = (sent(half[:n].view(np.int64), device) for half in addresses(n + 20))
    # host 4 with more parts than one; the last hosts without pairs
    src = sent(np.where(np.arange(p) < hub * PART, 4, rng.integers(0, n - 3, p)), device)
    dst = sent(rng.integers(0, n - 3, p), device)
    count = sent(rng.integers(1, 2000, p), device)
    want = device_octets.octet_features_torch(hi, lo, src, dst, count)
    got = device_octets.octet_features(hi, lo, src, dst, count, int(count.sum()))
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)
    rows = both_ways(src, dst, n)
    # settled within the first look, so that sweeps are done that change nothing
    averaged, sweeps = device_octets.neighbour_average(got, rows, 0.05, 20)
    assert sweeps == device_octets.SWEEPS_AT_ONCE
    try:
        dispatch.FUSED_GRAPH = False
        want, sweeps = device_octets.neighbour_average(got, rows, 0.05, 20)
    finally:
        dispatch.FUSED_GRAPH = True
    assert sweeps == device_octets.SWEEPS_AT_ONCE
    torch.testing.assert_close(averaged, want, rtol=0, atol=2e-6)


CHECKS = (
    check_flow,
    check_pairs,
    check_sums,
    check_attention,
    check_edge,
    check_features,
    check_unet,
    check_distinct,
    check_graph,
    check_rows,
    check_octets,
)


def check_model(folder: str) -> None:
    """Columns to scores by the kernels, against the oracle."""
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.graph.build import build_graph
    from tests.model.prefix_model import network
    from tests.support import make_flows, with_columns

    oracle = open_executor(folder, "torch")
    spec = oracle.artifact.spec
    executor = CudaExecutor(oracle.artifact, "cpu")
    # known pairs, one of them busy; then as many flows between hosts that have not met
    one = make_flows(90, seed=3).take(np.concatenate([np.arange(30), np.zeros(30, np.int64), np.arange(30)]))
    one.dst_lo[60:], one.dst_hi[60:] = one.dst_lo[60:][::-1].copy(), one.dst_hi[60:][::-1].copy()
    windows = [one]
    if spec.memory:
        # known hosts, newcomers to their networks, and strangers
        windows.append(network(60, seed=1, first=5, strangers=0.1))
    raised = collections.Counter[str]()
    for flows in windows:
        # pairs some of whose flows are strange
        flows.attributes[::3] *= 500
        told = with_columns(flows) if spec.enriched else flows
        graph = build_graph(told, octets=spec.octets, tolerance=spec.tolerance, enriched=spec.enriched)
        want, got = oracle.score(graph), executor.score_flows(told)
        for name in ("score", "surprise", "pair_part", "flow_part", "graph_part", "activity_part"):
            a, b = getattr(got, name), getattr(want, name)
            assert (a is None) == (b is None), name
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=name)
                raised[name] += bool(b.any())
        assert got.unseen_hosts == want.unseen_hosts
    assert bool(raised["graph_part"]) == spec.evidence
    assert bool(raised["activity_part"]) == spec.activity


if __name__ == "__main__":
    assert dispatch.has_triton(torch.device("cpu")), "this is to run under the interpreter"
    if sys.argv[1:] == ["kernels"]:
        for check in CHECKS:
            check("cpu")
    else:
        for model in sys.argv[1:]:
            check_model(model)
    print("the same")
