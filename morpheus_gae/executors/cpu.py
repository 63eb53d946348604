"""The CPU executor: numba for what is irregular, BLAS for what is dense, no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.executors import cpu_flow, cpu_graph
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.cpu_memory import CpuMemory, Found, gather
from morpheus_gae.model.features import class_flags, edge_features

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
MIX_FLOOR = np.float32(1e-5)
TABLE_FLOOR = 1e-3
POOL_RAMP = np.float32(0.02)
SMOOTH = np.array([0.010, 0.011, 0.013], np.float32)
BLOCK = 4096
"""Pairs (or flows) of one dense block: its activations stay in the cache."""


class Dense:
    """A linear layer ``x W + b`` from the torch module's weights."""

    def __init__(self, weights: dict[str, F32], name: str) -> None:
        self.w = np.ascontiguousarray(weights[f"{name}.weight"].T)
        self.b: F32 = weights.get(f"{name}.bias", np.zeros(self.w.shape[1], np.float32))

    def __call__(self, x: F32) -> F32:
        """float32 [R, out] from float32 [R, in]."""
        y: F32 = x @ self.w
        y += self.b
        return y


def relu(x: F32) -> F32:
    """In place."""
    return np.maximum(x, 0, out=x)


def softmax(x: F32, axis: int) -> F32:
    """In place."""
    x -= x.max(axis, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis, keepdims=True)
    return x


class CpuExecutor:
    """Scores windows on the CPU.

    Parameters
    ----------
    artifact
        Of any spec.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        spec, t, w = artifact.spec, artifact.tensors, artifact.weights()
        self.mean, self.scale = t["scale.mean"], t["scale.std"]
        if spec.memory:
            self.memory = CpuMemory(artifact.memory)
            self.existence = [Dense(w, f"existence.{i}") for i in (0, 2, 4)]
            self.pair_tail = cpu_flow.tail_arrays(artifact.tail("pair"))
        if spec.flow_types:
            self.context = [Dense(w, f"context.{i}") for i in (0, 2)]
            self.tau = np.float32(np.logaddexp(0, w["tau"]))
            self.tables = [_table(w["table1"], 0), _table(w["table2"], 1), _table(w["table3"], 1)]
            self.edges = tuple(t[f"bins.edges{i}"] for i in range(3))
            self.starts = tuple(cpu_flow.bucket_starts(e) for e in self.edges)
            self.flow_tail = cpu_flow.tail_arrays(artifact.tail("flow"))
        if not spec.edge_decoder:
            self.fused_tail = cpu_flow.tail_arrays(artifact.tail("fused"))
        if spec.attention:
            self.host = Dense(w, "host")
            self.directions = [
                (Dense(w, f"{d}.left"), Dense(w, f"{d}.right"), Dense(w, f"{d}.edge"), w[f"{d}.attend"])
                for d in ("into", "out")
            ]
        if spec.unet_depth:
            self.down = [Dense(w, f"unet.down.{i}") for i in range(spec.unet_depth + 1)]
            self.up = [Dense(w, f"unet.up.{i}") for i in range(spec.unet_depth)]
            self.pool = [
                w[f"unet.pool.{i}"] / np.linalg.norm(w[f"unet.pool.{i}"]) for i in range(spec.unet_depth)
            ]
            self.gain = w["unet.gain"]
        if spec.edge_decoder:
            z = spec.embedding
            self.pair = Dense(w, "pair")
            self.by_product, self.by_src, self.by_dst = (
                np.ascontiguousarray(self.pair.w[i * z : (i + 1) * z]) for i in range(3)
            )
            self.edge = [Dense(w, f"edge.{i}") for i in (0, 2)]
            self.window = [Dense(w, f"window.{i}") for i in (0, 2)]
            self.head, self.skip = Dense(w, "head"), Dense(w, "skip")

    def score_batch(self, graphs: list[WindowGraph]) -> list[Scores]:
        """Score several windows; each is scored alone, so the batch cannot matter."""
        return [self.score(g) for g in graphs]

    def score(self, graph: WindowGraph) -> Scores:
        """Score one window."""
        e, spec = graph.flows, self.artifact.spec
        out = [np.zeros(e, np.float32) for _ in range(4)]
        if e == 0:
            return Scores(out[0], out[1], out[2], out[3])
        score, surprise, pair_out, flow_out = out
        found = None
        flags = class_flags(graph.host_hi, graph.host_lo)
        logit: F32 | None = None
        if spec.memory:
            found = self.memory.find(graph.host_hi, graph.host_lo, graph.pair_src, graph.pair_dst)
        if spec.attention:
            f = edge_features(graph.attributes, graph.duration_missing, self.mean, self.scale)
            if found is not None:
                logit = self._existence(graph, found, flags)
            z = self._encode(graph, flags, f, logit)
        if spec.edge_decoder:
            surprise[:] = np.logaddexp(np.float32(0), -self._edge_logit(graph, z, f))
            score[:] = -np.expm1(-surprise)
            return Scores(score, surprise, pair_out, flow_out)
        assert found is not None
        raw, mix = self._pairs(graph, found, flags, z if spec.attention else None)
        pair_part = np.empty_like(raw)
        cpu_flow.map_tail(raw, *self.pair_tail, pair_part)
        flow_raw = self._flow_raw(graph, mix) if spec.flow_types else np.zeros(1, np.float32)
        cpu_flow.finish(
            graph.pair, pair_part, flow_raw, self.flow_tail if spec.flow_types else self.pair_tail,
            self.fused_tail, bool(spec.flow_types), score, surprise, pair_out, flow_out,
        )  # fmt: skip
        return Scores(score, surprise, pair_out, flow_out, found.unseen_hosts)

    def _blocks(self, graph: WindowGraph, found: Found, flags: F32) -> _Blocks:
        return _Blocks(graph, self.memory, found, flags, self.artifact.spec.flow_types)

    def _existence_block(self, numbers: F32) -> F32:
        a, b, c = self.existence
        return c(relu(b(relu(a(numbers)))))[:, 0]

    def _existence(self, graph: WindowGraph, found: Found, flags: F32) -> F32:
        logit = np.empty(graph.pairs, np.float32)
        for cut, numbers, _, _ in self._blocks(graph, found, flags):
            logit[cut] = self._existence_block(numbers)
        return logit

    def _pairs(self, graph: WindowGraph, found: Found, flags: F32, z: F32 | None) -> tuple[F32, F32]:
        """Minus the existence logit [P], and the shares of the flow types [P, K]."""
        k = self.artifact.spec.flow_types
        raw, mix = np.empty(graph.pairs, np.float32), np.empty((graph.pairs, k), np.float32)
        for cut, numbers, profile, types in self._blocks(graph, found, flags):
            raw[cut] = -self._existence_block(numbers)
            if not k:
                continue
            context = profile
            if z is not None:
                zs, zd = z[graph.pair_src[cut]], z[graph.pair_dst[cut]]
                context = np.concatenate([profile, zs * zd, zs, zd], 1)
            a, b = self.context
            share = softmax(b(relu(a(context))), 1)
            share *= self.tau
            share += types
            share *= (1 - MIX_FLOOR) / (self.tau + types.sum(1, keepdims=True))
            share += MIX_FLOOR / np.float32(k)
            mix[cut] = share
        return raw, mix

    def _flow_raw(self, graph: WindowGraph, mix: F32) -> F32:
        t = self.artifact.tensors
        out = np.empty(graph.flows, np.float32)
        cpu_flow.flow_values(
            graph.attributes, graph.duration_missing, graph.pair, mix, self.edges, self.starts,
            t["bins.group0"], t["bins.group1"], *self.tables,
            self.mean, 1 / self.scale, SMOOTH, out,
        )  # fmt: skip
        return out

    def _encode(self, graph: WindowGraph, flags: F32, f: F32, logit: F32 | None) -> F32:
        from morpheus_gae.graph.csr import csr

        host_x = [flags]
        if self.artifact.spec.octets:
            assert graph.octets is not None
            assert graph.averaged is not None
            host_x += [graph.octets, graph.averaged]
        x = relu(self.host(np.concatenate(host_x, 1)))
        pf = np.empty((graph.pairs, 5), np.float32)
        cpu_graph.pair_means(f, graph.pair, graph.pair_flows, pf)
        bias = np.zeros(graph.pairs, np.float32) if logit is None else -np.logaddexp(np.float32(0), -logit)
        n, width = graph.hosts, self.artifact.spec.width
        rows_in, rows_out = csr(graph.pair_dst, n), csr(graph.pair_src, n)
        z = np.empty((n, 2 * width), np.float32)
        for i, (rows, start) in enumerate(((rows_in, graph.pair_src), (rows_out, graph.pair_dst))):
            left, right, edge, attend = self.directions[i]
            half = np.empty((n, width), np.float32)
            cpu_graph.attention(left(x), right(x), edge.w, pf, bias, attend, *rows, start, half)
            z[:, i * width : (i + 1) * width] = half
        relu(z)
        if self.artifact.spec.unet_depth:
            z += self._unet(z, graph, rows_in, rows_out)
        return z

    def _unet(
        self,
        x: F32,
        graph: WindowGraph,
        rows_in: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
        rows_out: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
    ) -> F32:
        n = x.shape[0]

        def mean(v: F32) -> F32:
            out = np.empty_like(v)
            cpu_graph.neighbour_mean(v, *rows_in, *rows_out, graph.pair_src, graph.pair_dst, out)
            return out

        h = [relu(self.down[0](mean(x)))]
        gates: list[F32] = []
        kept = np.ones(n, np.float32)
        for level, pool in enumerate(self.pool, 1):
            value = kept / (1 + np.exp(-(h[-1] @ pool)))
            keep = max((n + (1 << level) - 1) >> level, 1)
            kth = np.partition(value, n - keep)[n - keep]
            kept = kept * np.clip((value - kth) / POOL_RAMP + 1, 0, 1)
            gates.append((kept * value)[:, None])
            h.append(relu(self.down[level](gates[-1] * mean(mean(gates[-1] * h[-1])))))
        out = h[-1]
        for level in range(len(self.pool), 0, -1):
            out = relu(self.up[level - 1](h[level - 1] + gates[level - 1] * out))
        scale: F32 = 1 / np.sqrt(np.mean(np.square(out), 1, keepdims=True) + np.float32(1e-6))
        return out * scale * self.gain

    def _edge_logit(self, graph: WindowGraph, z: F32, f: F32) -> F32:
        """Logit of each flow: node part once a host, product once a pair, edge part once a flow."""
        by_src, by_dst = z @ self.by_src, z @ self.by_dst
        whole = np.concatenate([f.mean(0, dtype=np.float64), f.std(0, dtype=np.float64)]).astype(np.float32)
        constant = self.window[1](relu(self.window[0](whole[None]))) + self.pair.b
        u = np.empty((graph.pairs, by_src.shape[1]), np.float32)
        for lo in range(0, graph.pairs, BLOCK):
            cut = slice(lo, lo + BLOCK)
            s, d = graph.pair_src[cut], graph.pair_dst[cut]
            u[cut] = (z[s] * z[d]) @ self.by_product + by_src[s] + by_dst[d] + constant
        logit = np.empty(graph.flows, np.float32)
        for lo in range(0, graph.flows, BLOCK):
            cut = slice(lo, lo + BLOCK)
            hidden = self.edge[1](relu(self.edge[0](f[cut])))
            hidden += u[graph.pair[cut]]
            logit[cut] = (self.head(relu(hidden)) + self.skip(f[cut]))[:, 0]
        return logit


class _Blocks:
    """Pairs in blocks: slice, existence numbers [B, 20], profile [B, 24], types [B, K]; reused arrays."""

    def __init__(self, graph: WindowGraph, memory: CpuMemory, found: Found, flags: F32, k: int) -> None:
        self.graph, self.memory, self.found, self.flags = graph, memory, found, flags
        self.k = k if k else memory.pair_types.shape[1]

    def __iter__(self):  # type: ignore[no-untyped-def]
        g, m, found = self.graph, self.memory, self.found
        existence = np.empty((BLOCK, 20), np.float32)
        profile = np.empty((BLOCK, 24), np.float32)
        types = np.empty((BLOCK, self.k), np.float32)
        for lo in range(0, g.pairs, BLOCK):
            hi = min(lo + BLOCK, g.pairs)
            x, p, t = (a[: hi - lo] for a in (existence, profile, types))
            gather(
                lo, g.pair_src, g.pair_dst, found.host, found.forward, found.reverse,
                m.host_out, m.host_in, m.pair, m.pair_types, self.flags, x, p, t,
            )  # fmt: skip
            yield slice(lo, hi), x, p, t


def _table(logits: F32, axis: int) -> F32:
    """Probabilities over the bins, with the uniform floor."""
    p = softmax(logits.copy(), axis) * np.float32(1 - TABLE_FLOOR) + np.float32(
        TABLE_FLOOR / logits.shape[axis]
    )
    return np.ascontiguousarray(p)
