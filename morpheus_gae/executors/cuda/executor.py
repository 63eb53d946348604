"""The CUDA executor: everything on the device from columns to scores."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from morpheus_gae.errors import GaeError, MissingExtraError
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.cuda.device import (
    DeviceFlows,
    DeviceGraph,
    DeviceScores,
    fitting,
    is_memory_full,
    upload,
    upload_graph,
)

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtraError("torch", "gpu", "the cuda executor") from None

from morpheus_gae.executors.cuda.edge import EdgeWeights, edge_scores, edges_by_kernel, pair_parts
from morpheus_gae.executors.cuda.encoder import encode
from morpheus_gae.executors.cuda.enriched import EnrichedRows
from morpheus_gae.executors.cuda.evidence import DeviceEvidence
from morpheus_gae.executors.cuda.features import edge_features
from morpheus_gae.executors.cuda.flow import CHUNK, FlowModel, Lift, flow_scores, flows_by_kernel
from morpheus_gae.executors.cuda.graph import build_device_graph, class_flags
from morpheus_gae.executors.cuda.lanes import Coming, Lanes, Number, on, reached
from morpheus_gae.executors.cuda.memory import find
from morpheus_gae.executors.cuda.memory_keys import DeviceMemory, Found
from morpheus_gae.executors.cuda.pairs import PairModel, both, existence, mixture
from morpheus_gae.executors.cuda.tail import DeviceTail
from morpheus_gae.executors.cuda.ties import apart
from morpheus_gae.model.gae import GAE, SMOOTH, TABLE_FLOOR
from morpheus_gae.model.ties import centre_of

SMALLEST_CHUNK = 1 << 14


def add_in_a_fixed_order() -> None:
    """Make torch choose algorithms that give the same bits in every run."""
    # cuBLAS reads it when it is opened first
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # largest and smallest of a row do not depend on the order, but torch has no such form of them
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False


class CudaExecutor:
    """Scores windows on a device.

    Parameters
    ----------
    artifact
        Of any spec.
    device
        ``cuda``, ``cuda:1``, ...; ``cpu`` runs the same code in torch alone, for tests.
    deterministic
        Same bits in every run: no sum by atomics. Holds for all of torch in this process.

    Raises
    ------
    GaeError
        If there is no such device.
    """

    def __init__(self, artifact: Artifact, device: str = "cuda", deterministic: bool = False) -> None:
        if deterministic:
            add_in_a_fixed_order()
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
        rows = EnrichedRows(tensors, self.device) if spec.enriched else None
        net = GAE(spec, shapes, () if rows is None else rows.shapes)
        net.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in artifact.weights().items()})
        self.net = net.eval().to(self.device).requires_grad_(False)
        mean, deviation = tensors["scale.mean"], tensors["scale.std"]
        self.scaling = self._sent(np.concatenate([mean, 1 / deviation]).astype(np.float32))
        self.centre = self._sent(centre_of(mean))
        if spec.memory:
            self.memory = DeviceMemory(artifact.memory, device, artifact.prefixes)
            self.pair_model = PairModel.of(self.net, DeviceTail(artifact.tail("pair"), self.device))
        if not spec.edge_decoder:
            self.fused_tail = DeviceTail(artifact.tail("fused"), self.device)
        if spec.evidence:
            self.evidence = DeviceEvidence(artifact, self.device)
        if spec.flow_types:
            self.flow_model = replace(self._flow_model(), enriched=rows)
            if rows is not None:
                rows.table = self.net.log_extra()
        if spec.edge_decoder:
            self.edge_weights = EdgeWeights.of(net)
        # where the kernel of a decoder runs it holds nothing that less at a time would spare
        self.in_chunks = bool(spec.flow_types) and not flows_by_kernel(self.device, spec.flow_types)
        if spec.edge_decoder:
            self.in_chunks = not edges_by_kernel(self.device, self.edge_weights)
        if self.device.type == "cuda":
            self.lanes = Lanes(self.device)
            # all streams see the tables from now on
            torch.cuda.current_stream(self.device).synchronize()

    def _lane(self, name: str) -> Any:
        return getattr(self.lanes, name) if self.device.type == "cuda" else None

    def _flow_model(self) -> FlowModel:
        tensors = self.artifact.tensors
        scaling = np.concatenate([tensors["scale.mean"], 1 / tensors["scale.std"], SMOOTH])
        tables = tuple(
            (torch.softmax(t, axis) * (1 - TABLE_FLOOR) + TABLE_FLOOR / t.shape[axis]).contiguous()
            for t, axis in ((self.net.table1, 0), (self.net.table2, 1), (self.net.table3, 1))
        )
        lift = None
        if self.artifact.spec.lift:
            tail = DeviceTail(self.artifact.tail("lift"), self.device)
            lift = Lift(tail, tail.packed, self._sent(tensors["lift.share"]))
        return FlowModel.of(
            tuple(self._sent(tensors[f"bins.edges{i}"]) for i in range(3)),
            tuple(self._sent(tensors[f"bins.group{i}"].astype(np.int32)) for i in range(2)),
            tables, self._sent(scaling.astype(np.float32)),
            DeviceTail(self.artifact.tail("flow"), self.device), self.fused_tail, self.centre, lift,
        )  # fmt: skip

    def _upload(self, flows: Flows) -> DeviceFlows:
        return upload(flows, str(self.device), self.artifact.spec.enriched)

    def _sent(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    @contextlib.contextmanager
    def _here(self) -> Iterator[None]:
        # Triton launches on the current device, whatever the tensors' is
        where = torch.cuda.device(self.device) if self.device.type == "cuda" else contextlib.nullcontext()
        with torch.no_grad(), where:
            yield

    def score_device(self, flows: DeviceFlows) -> DeviceScores:
        """Score a window whose columns lie on the device; nothing but two counts comes back to the host.

        Raises
        ------
        torch.cuda.OutOfMemoryError, MemoryError, RuntimeError
            If the device's memory does not suffice, though the decoder took little at a time: see
            ``executors.cuda.device.is_memory_full``.
        """
        with self._here():
            return self._score(build_device_graph(flows, self.artifact.spec))

    def later(self, number: Tensor) -> Number:
        """A number of `score_device`'s on its way to the host: ``int`` of it waits, this does not."""
        with self._here():
            return Number(number)

    def build(self, flows: Flows) -> DeviceGraph:
        """Graph of a window on the device, for `score`: an engine's build-graph stage does this ahead.

        It is made on a stream of its own: whoever else reads it waits for its event ``ready``.

        Raises
        ------
        GaeError
            If the window does not fit into the device's memory.
        """
        with fitting(len(flows)), self._here(), on(self._lane("build")):
            graph = build_device_graph(self._upload(flows), self.artifact.spec)
            return replace(graph, ready=reached(self.device))

    def score(self, graph: WindowGraph | DeviceGraph) -> Scores:
        """Score a window, whose graph was built here or on the host.

        Raises
        ------
        GaeError
            If the window does not fit into the device's memory.
        """
        with fitting(graph.flows), self._here(), self._scoring(getattr(graph, "ready", None)):
            on_device = graph if isinstance(graph, DeviceGraph) else upload_graph(graph, str(self.device))
            # nothing reads the graph any more once the scores have arrived: then it may go
            return Coming(self._score(on_device)).arrived()

    def score_batch(self, graphs: Sequence[WindowGraph | DeviceGraph]) -> list[Scores]:
        """Score several windows, each alone: a batch needs no more memory than its largest window."""
        return [self.score(graph) for graph in graphs]

    def score_flows(self, flows: Flows) -> Scores:
        """Score a window from the host's columns: its graph is built on the device.

        Raises
        ------
        GaeError
            If the window does not fit into the device's memory.
        """
        with fitting(len(flows)), self._here(), on(self._lane("score")):
            return Coming(self.score_device(self._upload(flows))).arrived()

    def score_many(self, windows: Iterable[Flows]) -> Iterator[Scores]:
        """Score windows one after the other, copying some while another is scored.

        Yields
        ------
        Scores
            In order.

        Raises
        ------
        GaeError
            If a window does not fit into the device's memory, though alone there.
        """
        if self.device.type == "cuda":
            from morpheus_gae.executors.cuda.stream import Streamed

            with fitting(None):
                yield from Streamed(self).run(windows)
        else:
            yield from (self.score_flows(window) for window in windows)

    @contextlib.contextmanager
    def _scoring(self, ready: Any) -> Iterator[None]:
        """Launch on the stream of scores, after the graph."""
        lane = self._lane("score")
        if ready is not None:
            lane.wait_event(ready)
        elif lane is not None:
            # from whoever made it, in the order of the caller's stream
            lane.wait_stream(torch.cuda.current_stream(self.device))
        with on(lane):
            yield

    def _score(self, graph: DeviceGraph) -> DeviceScores:
        """Score, with less at a time if the memory does not suffice and that takes less."""
        chunk = max(min(CHUNK, graph.flows), 1)
        while True:
            try:
                return self._scored(graph, chunk)
            except (RuntimeError, MemoryError) as error:
                if chunk <= SMALLEST_CHUNK or not self.in_chunks or not is_memory_full(error):
                    raise
            # not while the error is handled: it keeps all that the attempt has allocated
            torch.cuda.empty_cache()
            chunk //= 4

    def _scored(self, graph: DeviceGraph, chunk: int) -> DeviceScores:
        spec, net = self.artifact.spec, self.net
        if not graph.flows:
            zeros, nobody = self._nothing(0)
            added = (zeros if part else None for part in (spec.evidence, spec.activity))
            return DeviceScores(zeros, zeros.to(torch.float64), zeros, zeros, nobody, *added)
        src, dst, pair = graph.pair_src, graph.pair_dst, graph.pair
        flags = graph.host_flags
        if flags is None:
            flags = class_flags(graph.host_hi, graph.host_lo)
        bias = z = mix = None
        if spec.memory:
            found = find(self.memory, graph.host_hi, graph.host_lo, src, dst)
            if spec.flow_types and not spec.attention:
                calibrated, mix = both(found, flags, src, dst, self.memory, self.pair_model)
            else:
                # the encoder comes between
                calibrated, bias = existence(
                    found, flags, src, dst, self.memory, self.pair_model, spec.attention
                )
        if spec.attention:
            f, pf = edge_features(
                graph.attributes, graph.duration_missing, pair, graph.pair_flows, self.scaling
            )
            z = encode(net, graph, flags, pf, bias)
        if spec.edge_decoder:
            return self._by_edges(graph, z, f, chunk)
        if not spec.flow_types:
            surprise = self.fused_tail(calibrated)[pair]
            told = apart(surprise, graph.attributes, graph.duration_missing, self.centre)
            zeros, _ = self._nothing(graph.flows)
            return self._raised(graph, found, -torch.expm1(-surprise), told, calibrated[pair], zeros)
        if mix is None:
            mix = mixture(found, src, dst, self.memory, self.pair_model, z)
        scores = flow_scores(
            graph.attributes,
            graph.duration_missing,
            pair,
            calibrated,
            mix,
            self.flow_model,
            chunk,
            graph.extra,
        )
        return self._raised(graph, found, *scores)

    def _raised(
        self, graph: DeviceGraph, found: Found, score: Tensor, surprise: Tensor, pair: Tensor, flow: Tensor
    ) -> DeviceScores:
        """With what travels over the graph, if the spec has evidence."""
        added = of_counts = None
        if self.artifact.spec.evidence:
            score, surprise, added, of_counts = self.evidence(graph, found, surprise)
        return DeviceScores(score, surprise, pair, flow, found.unseen, added, of_counts)

    def _nothing(self, flows: int) -> tuple[Tensor, Tensor]:
        """One zero, expanded, for parts that there are not; and no unseen hosts."""
        zero = torch.zeros((), device=self.device)
        return zero.expand(flows), torch.zeros((), dtype=torch.int64, device=self.device)

    def _by_edges(self, graph: DeviceGraph, z: Tensor, f: Tensor, chunk: int) -> DeviceScores:
        """The edge decoder: node and pair parts once a pair, the window's once, the edge's once a flow."""
        # double, since a window may hold millions
        deviation, mean = torch.std_mean(f.to(torch.float64), 0, correction=0)
        window = self.net.window(torch.cat([mean, deviation]).to(torch.float32)[None])
        u = pair_parts(z, graph.pair_src, graph.pair_dst, self.edge_weights, window)
        score, surprise = edge_scores(
            f, graph.attributes, graph.duration_missing, graph.pair, u, self.edge_weights, self.centre, chunk
        )
        zeros, nobody = self._nothing(graph.flows)
        return DeviceScores(score, surprise, zeros, zeros, nobody)
