"""Encoder and edge decoder of the CPU executor: attention, Graph U-Net, and the logit of each flow's edge."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.executors.cpu import edges as cpu_edges
from morpheus_gae.executors.cpu import graph as cpu_graph
from morpheus_gae.executors.cpu.dense import layer_of
from morpheus_gae.graph import parallel
from morpheus_gae.graph.csr import csr

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.spec import ModelSpec

F32 = npt.NDArray[np.float32]
POOL_RAMP = np.float32(0.02)
GRAIN = 4096
"""Least pairs, or flows, of a range, and least hosts times 8."""


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


class Encoder:
    """Host embeddings, and for models with an edge decoder the logit of each flow's edge.

    Parameters
    ----------
    spec
        With attention.
    w
        The torch module's weights.
    """

    def __init__(self, spec: ModelSpec, w: dict[str, F32]) -> None:
        self.spec = spec
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
            product, self.by_src, self.by_dst = (
                np.ascontiguousarray(self.pair.w[i * z : (i + 1) * z]) for i in range(3)
            )
            self.product = layer_of({"product.weight": product.T}, "product")
            self.edge = layer_of(w, "edge.0"), layer_of(w, "edge.2")
            self.window = [Dense(w, f"window.{i}") for i in (0, 2)]
            self.head, self.skip = w["head.weight"][0].copy(), w["skip.weight"][0].copy()
            self.bias = np.float32(w["head.bias"].item())

    def embed(self, graph: WindowGraph, flags: F32, f: F32, logit: F32 | None) -> F32:
        """float32 [N, 2 width] embeddings, from class flags, edge features and existence logits (or None)."""
        host_x = [flags]
        if self.spec.octets:
            assert graph.octets is not None
            assert graph.averaged is not None
            host_x += [graph.octets, graph.averaged]
        x = relu(self.host(np.concatenate(host_x, 1)))
        pf = np.empty((graph.pairs, 5), np.float32)
        cpu_graph.pair_means(f, graph.pair, graph.pair_flows, pf)
        bias = np.zeros(graph.pairs, np.float32) if logit is None else -np.logaddexp(np.float32(0), -logit)
        n, width = graph.hosts, self.spec.width
        rows_in, rows_out = csr(graph.pair_dst, n), csr(graph.pair_src, n)
        z = np.empty((n, 2 * width), np.float32)
        for i, (rows, start) in enumerate(((rows_in, graph.pair_src), (rows_out, graph.pair_dst))):
            left, right, edge, attend = self.directions[i]
            half = np.empty((n, width), np.float32)
            by_left, by_right = left(x), right(x)
            parallel.run(
                partial(
                    cpu_graph.attention, left=by_left, right=by_right, edge=edge.w, pf=pf, bias=bias,
                    attend=attend, indptr=rows[0], order=rows[1], start=start, out=half,
                ),
                n,
                GRAIN // 8,
            )  # fmt: skip
            z[:, i * width : (i + 1) * width] = half
        relu(z)
        if self.spec.unet_depth:
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
        # looked up once, not once a product
        senders, receivers = graph.pair_src[rows_in[1]], graph.pair_dst[rows_out[1]]

        def mean(v: F32) -> F32:
            out = np.empty_like(v)
            parallel.run(
                lambda lo, hi: cpu_graph.neighbour_mean(
                    lo, hi, v, rows_in[0], senders, rows_out[0], receivers, out
                ),
                n,
                GRAIN // 8,
            )
            return out

        h = [relu(self.down[0](mean(x)))]
        gates: list[F32] = []
        kept = np.ones(n, np.float32)
        for level, pool in enumerate(self.pool, 1):
            # infinity is right: no host of such a number stays
            with np.errstate(over="ignore"):
                value = 1 / (1 + np.exp(-(h[-1] @ pool)))
            keep = max((n + (1 << level) - 1) >> level, 1)
            kth = np.partition(value * kept, n - keep)[n - keep]
            kept = kept * np.clip((value - kth) / POOL_RAMP + 1, 0, 1)
            gates.append((kept * value)[:, None])
            h.append(relu(self.down[level](gates[-1] * mean(mean(gates[-1] * h[-1])))))
        out = h[-1]
        for level in range(len(self.pool), 0, -1):
            out = relu(self.up[level - 1](h[level - 1] + gates[level - 1] * out))
        scale: F32 = 1 / np.sqrt(np.mean(np.square(out), 1, keepdims=True) + np.float32(1e-6))
        return out * scale * self.gain

    def edge_logit(self, graph: WindowGraph, z: F32, f: F32) -> F32:
        """Logit of each flow: node part once a host, product once a pair, edge part once a flow."""
        by_src, by_dst = z @ self.by_src, z @ self.by_dst
        whole = cpu_graph.moments(f).astype(np.float32)
        constant = self.window[1](relu(self.window[0](whole[None]))) + self.pair.b
        u = np.empty((graph.pairs, by_src.shape[1]), np.float32)
        by_src += constant
        parallel.run(
            lambda lo, hi: cpu_edges.pair_terms(
                lo, hi, graph.pair_src, graph.pair_dst, z, by_src, by_dst, self.product, u
            ),
            graph.pairs,
            GRAIN,
        )
        logit = np.empty(graph.flows, np.float32)
        parallel.run(
            lambda lo, hi: cpu_edges.edge_logits(
                lo, hi, f, graph.pair, u, *self.edge, self.head, self.bias, self.skip, logit
            ),
            graph.flows,
            GRAIN,
        )
        return logit
