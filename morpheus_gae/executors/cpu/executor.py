"""The CPU executor: numba kernels over ranges of pairs and flows, no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.cpu import enriched as cpu_enriched
from morpheus_gae.executors.cpu import flow as cpu_flow
from morpheus_gae.executors.cpu import pairs as cpu_pairs
from morpheus_gae.executors.cpu import tail as cpu_tail
from morpheus_gae.executors.cpu import ties as cpu_ties
from morpheus_gae.executors.cpu.bins import bucket_starts, ended
from morpheus_gae.executors.cpu.dense import Layer, layer_of
from morpheus_gae.executors.cpu.encoder import Encoder
from morpheus_gae.executors.cpu.enriched import CpuEnriched
from morpheus_gae.executors.cpu.evidence import CpuEvidence
from morpheus_gae.executors.cpu.lines import empty_lines, lines_of
from morpheus_gae.executors.cpu.memory import CpuMemory
from morpheus_gae.graph import parallel
from morpheus_gae.model.features import class_flags, edge_features
from morpheus_gae.model.ties import centre_of

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
TABLE_FLOOR = 1e-3
PAIR_GRAIN, FLOW_GRAIN = 4096, 16_384
"""Least rows of a range: below, handing it to another thread costs more than it saves."""


class CpuExecutor:
    """Scores windows on the CPU; the same bits with any number of threads.

    Parameters
    ----------
    artifact
        Of any spec.
    """

    reopens = True

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        spec, w = artifact.spec, artifact.weights()
        self.mean, self.scale = artifact.tensors["scale.mean"], artifact.tensors["scale.std"]
        self.centre = centre_of(self.mean)
        if spec.attention:
            self.encoder = Encoder(spec, w)
        if spec.memory:
            self.memory = CpuMemory(artifact.memory, artifact.prefixes)
            self.pairs = _pair_model(artifact, w)
            self.fused = cpu_tail.tail_of(artifact.tail("fused"))
        if spec.evidence:
            self.evidence = CpuEvidence(artifact)
        if spec.flow_types:
            self.flows = flow_model(artifact, w)
        if spec.enriched:
            self.enriched = CpuEnriched(artifact, w, self.flows)

    def score_batch(self, graphs: list[WindowGraph]) -> list[Scores]:
        """Score several windows; each is scored alone, so the batch cannot matter."""
        return [self.score(g) for g in graphs]

    def score(self, graph: WindowGraph) -> Scores:
        """Score one window."""
        spec = self.artifact.spec
        if graph.flows == 0:
            none = np.zeros(0, np.float32)
            graph_part, of_counts = (none if part else None for part in (spec.evidence, spec.activity))
            return Scores(
                none, none.astype(np.float64), none, none, graph_part=graph_part, activity_part=of_counts
            )
        flags = class_flags(graph.host_hi, graph.host_lo)
        f = z = hosts = None
        if spec.attention:
            f = edge_features(graph.attributes, graph.duration_missing, self.mean, self.scale)
        if spec.memory:
            places = self.memory.find_hosts(graph.host_hi, graph.host_lo)
            hosts = cpu_pairs.hosts_of(places, self.memory.hosts.keys.shape[0], flags, None)
        if f is not None:
            logit = None if hosts is None else self._existence(graph, hosts)
            z = self.encoder.embed(graph, flags, f, logit)
        if spec.edge_decoder:
            assert f is not None
            assert z is not None
            surprise = np.logaddexp(np.float32(0), -self.encoder.edge_logit(graph, z, f))
            none = np.zeros(graph.flows, np.float32)
            return Scores(-np.expm1(-surprise), self._apart(graph, surprise), none, none.copy())
        assert hosts is not None
        return self._likelihoods(graph, hosts if z is None else hosts._replace(z=z))

    def _score_pairs(
        self, graph: WindowGraph, hosts: cpu_pairs.Hosts, only_logit: bool
    ) -> tuple[I32, F32, F32, I32]:
        """Where each pair's values are [P], the values, the shares of the flow types, and the pairs' rows in
        memory [P].
        """
        p = graph.pairs
        row, part, known = np.empty(p, np.int32), np.empty(p, np.float32), np.empty(p, np.int32)
        # pairs of one kind share their rows: what is not written takes no memory
        mix = empty_lines((0 if only_logit else p, self.pairs.width), np.float32)

        def kernel(lo: int, hi: int) -> None:
            cpu_pairs.score_pairs(
                lo, hi, graph.pair_src, graph.pair_dst, hosts, self.memory.counters, self.pairs,
                only_logit, row, part, mix, known,
            )  # fmt: skip

        parallel.run(kernel, p, PAIR_GRAIN)
        return row, part, mix, known

    def _existence(self, graph: WindowGraph, hosts: cpu_pairs.Hosts) -> F32:
        row, logit, _, _ = self._score_pairs(graph, hosts, True)
        return logit[row]

    def _likelihoods(self, graph: WindowGraph, hosts: cpu_pairs.Hosts) -> Scores:
        e = graph.flows
        row, part, mix, known = self._score_pairs(graph, hosts, False)
        shares = mix.reshape(-1)
        unseen = int((hosts.found < 0).sum())
        if not self.artifact.spec.flow_types:
            by_pair = np.empty_like(part)
            cpu_tail.map_tail(part[row], self.fused, np.empty_like(row), by_pair)
            coarse = by_pair[graph.pair]
            none = np.zeros(e, np.float32)
            told, score = self._apart(graph, coarse), -np.expm1(-coarse)
            parts = self._raised(graph, hosts, known, score, told)
            return Scores(score, told, part[row][graph.pair], none, unseen, {}, *parts)
        score, pair_part, flow_part = (np.empty(e, np.float32) for _ in range(3))
        # where evidence comes, it scores
        first = score[:0] if self.artifact.spec.evidence else score
        surprise = np.empty(e, np.float64)
        attributes = np.ascontiguousarray(graph.attributes)
        bits = attributes.view(np.uint32)
        asked = self.artifact.spec.enriched and graph.extra is not None
        extra = self.enriched.rows(graph) if asked else None

        def kernel(lo: int, hi: int) -> None:
            if extra is not None:
                cpu_enriched.score_flows(
                    lo, hi, attributes, graph.duration_missing, graph.pair, row, part, shares, self.flows,
                    extra, self.enriched.table, first, surprise, pair_part, flow_part,
                )  # fmt: skip
                return
            cpu_flow.score_flows(
                lo, hi, attributes, bits, graph.duration_missing, graph.pair, row, part, shares, self.flows,
                first, surprise, pair_part, flow_part,
            )  # fmt: skip

        parallel.run(kernel, e, FLOW_GRAIN)
        parts = self._raised(graph, hosts, known, score, surprise)
        return Scores(score, surprise, pair_part, flow_part, unseen, {}, *parts)

    def _raised(
        self, graph: WindowGraph, hosts: cpu_pairs.Hosts, known: I32, score: F32, surprise: F64
    ) -> tuple[F32 | None, F32 | None]:
        """Let the evidence travel: scores and surprises are written anew."""
        if not self.artifact.spec.evidence:
            return None, None
        return self.evidence(graph, hosts, known, score, surprise)

    def _apart(self, graph: WindowGraph, surprise: F32) -> F64:
        """Surprises of their own for parallel flows."""
        out = np.empty(graph.flows, np.float64)
        attributes, missing = np.ascontiguousarray(graph.attributes), graph.duration_missing

        def kernel(lo: int, hi: int) -> None:
            cpu_ties.apart(lo, hi, surprise, attributes, missing, self.centre, out)

        parallel.run(kernel, graph.flows, FLOW_GRAIN)
        return out


def _pair_model(artifact: Artifact, w: dict[str, F32]) -> cpu_pairs.PairModel:
    k = artifact.spec.flow_types
    existence = (layer_of(w, "existence.0"), layer_of(w, "existence.2"), layer_of(w, "existence.4"))
    none = Layer(np.zeros((0, 0), np.float32), np.zeros(0, np.float32))
    return cpu_pairs.PairModel(
        existence=existence,
        context=(layer_of(w, "context.0"), layer_of(w, "context.2")) if k else (none, none),
        tau=np.float32(np.logaddexp(0, w["tau"]).item() if k else 0),
        types=k,
        width=_padded(k),
        tail=cpu_tail.tail_of(artifact.tail("pair")),
    )


def flow_model(artifact: Artifact, w: dict[str, F32]) -> cpu_flow.FlowModel:
    """Bins, tables and tails of an artifact with flow types, and its weights, as the kernels take them."""
    t = artifact.tensors
    edges = tuple(t[f"bins.edges{i}"] for i in range(3))
    tables = [_table(w["table1"], 0), _table(w["table2"], 1), _table(w["table3"], 1)]
    lift, everywhere = cpu_tail.tail_of(artifact.tail("flow")), np.zeros(0, np.float32)
    if artifact.spec.lift:
        lift = cpu_tail.tail_of(artifact.tail("lift"))
        everywhere = lines_of(t["lift.share"][None], _padded(artifact.spec.flow_types)).reshape(-1)
    return cpu_flow.FlowModel(
        edges=tuple(ended(e) for e in edges),  # type: ignore[arg-type]
        starts=tuple(bucket_starts(e) for e in edges),  # type: ignore[arg-type]
        group1=t["bins.group0"],
        group2=t["bins.group1"],
        t1=tables[0].reshape(-1),
        t2=tables[1].reshape(-1),
        t3=tables[2].reshape(-1),
        bins=np.array([tables[1].shape[1], tables[2].shape[1]], np.int32),
        mean=t["scale.mean"],
        inverse=np.float32(1) / t["scale.std"],
        flow=cpu_tail.tail_of(artifact.tail("flow")),
        fused=cpu_tail.tail_of(artifact.tail("fused")),
        width=_padded(artifact.spec.flow_types),
        centre=centre_of(t["scale.mean"]),
        everywhere=everywhere,
        lift=lift,
    )


def _padded(types: int) -> int:
    return -(-types // cpu_flow.WIDTH) * cpu_flow.WIDTH


def _table(logits: F32, axis: int) -> F32:
    """Probabilities over the bins with the uniform floor, flow types padded with zeros."""
    p = np.exp(logits - logits.max(axis, keepdims=True))
    p *= np.float32(1 - TABLE_FLOOR) / p.sum(axis, keepdims=True)
    p += np.float32(TABLE_FLOOR / logits.shape[axis])
    return lines_of(p.reshape(-1, p.shape[-1]), _padded(p.shape[-1])).reshape(*p.shape[:-1], -1)
