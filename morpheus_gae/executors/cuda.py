"""The CUDA executor: everything on the device from columns to scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from morpheus_gae.errors import GaeError, MissingExtraError
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.device import DeviceFlows, DeviceGraph, DeviceScores, upload, upload_graph

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact
    from morpheus_gae.model.calibration import TailMap

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtraError("torch", "gpu", "the cuda executor") from None

from morpheus_gae.executors.cuda_flow import CHUNK, flow_values
from morpheus_gae.executors.device_graph import build_device_graph, class_flags
from morpheus_gae.executors.device_memory import DeviceMemory
from morpheus_gae.model.gae import GAE, MIX_FLOOR, SMOOTH, TABLE_FLOOR, segment_sum

SMALLEST_CHUNK = 1 << 14
AHEAD = 2
"""Windows under way at a time in `score_many`: one is copied while another is scored."""


class CudaExecutor:
    """Scores windows on a device.

    Parameters
    ----------
    artifact
        Of any spec.
    device
        ``cuda``, ``cuda:1``, ...; ``cpu`` runs the same code in torch alone, for tests.

    Raises
    ------
    GaeError
        If there is no such device.
    """

    def __init__(self, artifact: Artifact, device: str = "cuda") -> None:
        self.device = torch.device(device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            built = (
                f"torch {torch.__version__} finds none"
                if torch.version.cuda
                else "this torch is built without"
            )
            raise GaeError(f"--executor cuda: no CUDA device ({built}); use --executor cpu")
        self.artifact = artifact
        spec, tensors = artifact.spec, artifact.tensors
        shapes = (1, 1, 1, 1, 1)
        if spec.flow_types:
            t1, t2, t3 = (tensors[f"net.table{i}"] for i in (1, 2, 3))
            shapes = (t1.shape[0], t2.shape[0], t2.shape[1], t3.shape[0], t3.shape[1])
        net = GAE(spec, shapes)
        net.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in artifact.weights().items()})
        self.net = net.eval().to(self.device).requires_grad_(False)
        mean, deviation = tensors["scale.mean"], tensors["scale.std"]
        self.mean, self.deviation = self._sent(mean), self._sent(deviation)
        self.scaling = self._sent(np.concatenate([mean, 1 / deviation, SMOOTH]).astype(np.float32))
        if spec.memory:
            self.memory = DeviceMemory(artifact.memory, device)
            self.pair_tail = Tail(artifact.tail("pair"), self.device)
        if spec.flow_types:
            self.flow_tail = Tail(artifact.tail("flow"), self.device)
            self.edges = tuple(self._sent(tensors[f"bins.edges{i}"]) for i in range(3))
            self.groups = tuple(self._sent(tensors[f"bins.group{i}"].astype(np.int32)) for i in range(2))
            self.tables = tuple(
                (torch.softmax(t, axis) * (1 - TABLE_FLOOR) + TABLE_FLOOR / t.shape[axis]).contiguous()
                for t, axis in ((self.net.table1, 0), (self.net.table2, 1), (self.net.table3, 1))
            )
        if not spec.edge_decoder:
            self.fused_tail = Tail(artifact.tail("fused"), self.device)

    def _sent(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    @torch.no_grad()
    def score_device(self, flows: DeviceFlows) -> DeviceScores:
        """Score a window whose columns lie on the device; nothing comes back to the host."""
        return self._score(build_device_graph(flows, self.artifact.spec))

    @torch.no_grad()
    def build(self, flows: Flows) -> DeviceGraph:
        """Graph of a window on the device, for `score`: an engine's build-graph stage does this ahead."""
        return build_device_graph(upload(flows, str(self.device)), self.artifact.spec)

    @torch.no_grad()
    def score(self, graph: WindowGraph | DeviceGraph) -> Scores:
        """Score a window, whose graph was built here or on the host."""
        on_device = graph if isinstance(graph, DeviceGraph) else upload_graph(graph, str(self.device))
        return _download(self._score(on_device))

    def score_batch(self, graphs: Sequence[WindowGraph | DeviceGraph]) -> list[Scores]:
        """Score several windows, each alone."""
        return [self.score(graph) for graph in graphs]

    def score_flows(self, flows: Flows) -> Scores:
        """Score a window from the host's columns: its graph is built on the device."""
        return _download(self.score_device(upload(flows, str(self.device))))

    @torch.no_grad()
    def score_many(self, windows: Iterable[Flows]) -> Iterator[Scores]:
        """Score windows one after the other, copying one while another is scored.

        Yields
        ------
        Scores
            In order.
        """
        if self.device.type != "cuda":
            yield from (self.score_flows(window) for window in windows)
            return
        there, work, back = (torch.cuda.Stream(self.device) for _ in range(3))
        waiting: list[tuple[torch.cuda.Event, list[Tensor], DeviceFlows]] = []
        for window in windows:
            with torch.cuda.stream(there):
                flows = upload(window, str(self.device))
            work.wait_stream(there)
            with torch.cuda.stream(work):
                scores = self.score_device(flows)
            back.wait_stream(work)
            with torch.cuda.stream(back):
                parts = (scores.score, scores.surprise, scores.pair_part, scores.flow_part)
                for part in (*parts, scores.unseen_hosts):
                    # its memory is not to be given away before the copy is done
                    part.record_stream(back)
                host = [part.to("cpu", non_blocking=True) for part in (*parts, scores.unseen_hosts)]
                done = torch.cuda.Event()
                done.record(back)
            waiting.append((done, host, flows))
            if len(waiting) > AHEAD:
                yield _arrived(waiting.pop(0))
        for one in waiting:
            yield _arrived(one)

    def _score(self, graph: DeviceGraph) -> DeviceScores:
        """Score, with less at a time if the memory does not suffice."""
        chunk = CHUNK
        while True:
            try:
                return self._scored(graph, chunk)
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                if chunk <= SMALLEST_CHUNK:
                    e, p = graph.pair.shape[0], graph.pair_src.shape[0]
                    raise GaeError(
                        f"the GPU's memory does not hold a window of {e:,} flows and {p:,} pairs: "
                        "give a smaller --graph_size"
                    ) from None
                chunk //= 4

    def _scored(self, graph: DeviceGraph, chunk: int) -> DeviceScores:
        spec, net = self.artifact.spec, self.net
        e, device = graph.pair.shape[0], self.device
        zeros = torch.zeros(e, device=device)
        nobody = torch.zeros((), dtype=torch.int64, device=device)
        if not e:
            return DeviceScores(zeros, zeros, zeros, zeros, nobody)
        src, dst, pair = graph.pair_src, graph.pair_dst, graph.pair
        flags = class_flags(graph.host_hi, graph.host_lo)
        bias = None
        if spec.memory:
            known = self.memory.recall(graph.host_hi, graph.host_lo, src, dst)
            nobody = known.unseen_hosts
            logit = net.existence_logit(known.existence, flags[src], flags[dst])
            bias = -torch.nn.functional.softplus(-logit)
        if spec.attention:
            f = torch.empty(e, 4, device=device)
            f[:, :3] = ((torch.log1p(graph.attributes) - self.mean) / self.deviation).clamp_(-8, 8)
            f[:, 3] = graph.duration_missing
            z = self._encoded(graph, flags, f, bias)
        if spec.edge_decoder:
            return self._by_edges(graph, z, f, zeros, nobody, chunk)
        pair_part = self.pair_tail(-logit)[pair]
        flow_part, fused = zeros, pair_part
        if spec.flow_types:
            context = known.profile
            if spec.attention:
                context = torch.cat([context, net.pair_embedding(z, src, dst)], 1)
            tau = torch.nn.functional.softplus(net.tau)
            share = tau * torch.softmax(net.context(context), 1) + known.types
            share = share / (tau + known.types.sum(1, keepdim=True))
            mix = ((1 - MIX_FLOOR) * share + MIX_FLOOR / known.types.shape[1]).contiguous()
            raw = torch.empty(e, device=device)
            flow_values(
                graph.attributes, graph.duration_missing, pair, mix,
                self.edges, self.groups, self.tables, self.scaling, raw, chunk,
            )  # fmt: skip
            flow_part = self.flow_tail(raw)
            fused = torch.maximum(pair_part, flow_part) + 0.01 * torch.minimum(pair_part, flow_part)
        surprise = self.fused_tail(fused)
        return DeviceScores(-torch.expm1(-surprise), surprise, pair_part, flow_part, nobody)

    def _encoded(self, graph: DeviceGraph, flags: Tensor, f: Tensor, bias: Tensor | None) -> Tensor:
        host_x = [flags]
        if self.artifact.spec.octets:
            assert graph.octets is not None
            assert graph.averaged is not None
            host_x += [graph.octets, graph.averaged]
        p, n = graph.pair_src.shape[0], graph.host_lo.shape[0]
        count = graph.pair_flows.to(torch.float64)
        mean = segment_sum(f.to(torch.float64), graph.pair, p) / count[:, None]
        pf = torch.cat([mean, torch.log1p(count)[:, None] / 4], 1).to(torch.float32)
        one = torch.zeros(n, dtype=torch.int64, device=self.device)
        return self.net.encode(torch.cat(host_x, 1), graph.pair_src, graph.pair_dst, pf, bias, one, 1)

    def _by_edges(
        self, graph: DeviceGraph, z: Tensor, f: Tensor, zeros: Tensor, nobody: Tensor, chunk: int
    ) -> DeviceScores:
        """The edge decoder: node and pair parts once a pair, the window's once, the edge's once a flow."""
        net = self.net
        u = net.pair(net.pair_embedding(z, graph.pair_src, graph.pair_dst))
        double = f.to(torch.float64)
        whole = torch.cat([double.mean(0), double.std(0, correction=0)]).to(torch.float32)
        u += net.window(whole[None])
        surprise = torch.empty_like(zeros)
        for lo in range(0, f.shape[0], chunk):
            cut = slice(lo, lo + chunk)
            hidden = torch.relu(u[graph.pair[cut]] + net.edge(f[cut]))
            logit = (net.head(hidden) + net.skip(f[cut]))[:, 0]
            surprise[cut] = torch.nn.functional.softplus(-logit)
        return DeviceScores(-torch.expm1(-surprise), surprise, zeros, zeros, nobody)


class Tail:
    """``model.calibration.TailMap`` on a device."""

    def __init__(self, tail: TailMap, device: torch.device) -> None:
        self.x, self.y = (torch.from_numpy(np.array(a)).to(device) for a in (tail.x, tail.y))
        self.m, self.k = (float(v) for v in tail.tail)

    def __call__(self, v: Tensor) -> Tensor:
        """float32, elementwise."""
        x, y = self.x, self.y
        i = (torch.bucketize(v, x, right=True) - 1).clamp(0, x.shape[0] - 2)
        inner = y[i] + (v - x[i]) / (x[i + 1] - x[i]) * (y[i + 1] - y[i])
        low = y[0] / (1 + (x[0] - v).clamp(min=0))
        excess = (v - x[-1]).clamp(min=0)
        beyond = excess / self.m if np.isinf(self.k) else self.k * torch.log1p(excess / (self.k * self.m))
        return torch.where(v < x[0], low, torch.where(v > x[-1], y[-1] + beyond, inner))


def _download(scores: DeviceScores) -> Scores:
    score, surprise, pair, flow = (
        part.cpu().numpy() for part in (scores.score, scores.surprise, scores.pair_part, scores.flow_part)
    )
    return Scores(score, surprise, pair, flow, int(scores.unseen_hosts))


def _arrived(waiting: tuple[torch.cuda.Event, list[Tensor], DeviceFlows]) -> Scores:
    done, host, _ = waiting
    done.synchronize()
    score, surprise, pair, flow, unseen = host
    return Scores(score.numpy(), surprise.numpy(), pair.numpy(), flow.numpy(), int(unseen))
