"""The torch executor: the oracle. It says what the scores are; the fast executors must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.exporters.enriched import ABSENT
from morpheus_gae.model import activity, partners
from morpheus_gae.model.bins import MISSING, bin_of
from morpheus_gae.model.calibration import fuse
from morpheus_gae.model.enriched import COLUMNS, enriched_of
from morpheus_gae.model.evidence import raises
from morpheus_gae.model.features import class_flags, edge_features
from morpheus_gae.model.lift import POWER
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.model.recall import recall
from morpheus_gae.model.ties import apart, centre_of

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

try:
    import torch
except ImportError:
    raise MissingExtraError("torch", "train", "the torch executor") from None

F32 = npt.NDArray[np.float32]


class TorchExecutor:
    """Scores windows with the torch module on the CPU, several windows as one disjoint union."""

    reopens = True

    def __init__(self, artifact: Artifact) -> None:
        from morpheus_gae.model.gae import GAE

        self.artifact = artifact
        spec, tensors = artifact.spec, artifact.tensors
        shapes = (1, 1, 1, 1, 1)
        if spec.flow_types:
            t1, t2, t3 = (tensors[f"net.table{i}"] for i in (1, 2, 3))
            shapes = (t1.shape[0], t2.shape[0], t2.shape[1], t3.shape[0], t3.shape[1])
        extra: tuple[tuple[int, int], ...] = ()
        if spec.enriched:
            self.enriched = enriched_of(tensors)
            extra = self.enriched.layout.shapes
        self.net = GAE(spec, shapes, extra)
        self.net.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in artifact.weights().items()})
        self.net.eval()

    def score(self, graph: WindowGraph) -> Scores:
        """Score one window."""
        return self.score_batch([graph])[0]

    @torch.inference_mode()
    def score_batch(self, graphs: list[WindowGraph]) -> list[Scores]:
        """Score several windows together."""
        full = [g for g in graphs if g.flows]
        scored = iter(self._score_union(full) if full else [])
        nothing = np.zeros(0, np.float32)
        spec = self.artifact.spec
        graph_part, of_counts = (nothing if part else None for part in (spec.evidence, spec.activity))
        none = Scores(
            nothing, nothing.astype(np.float64), nothing, nothing,
            graph_part=graph_part, activity_part=of_counts,
        )  # fmt: skip
        return [next(scored) if g.flows else none for g in graphs]

    def _score_union(self, graphs: list[WindowGraph]) -> list[Scores]:
        batch = Union(graphs)
        raw = self.heads(batch)
        art, zeros = self.artifact, np.zeros(batch.pair.shape[0], np.float32)
        pair_part = zeros if raw.pair is None else art.tail("pair")(raw.pair)[batch.pair]
        flow_part = zeros if raw.flow is None else art.tail("flow")(raw.flow)
        if raw.lift is not None:
            flow_part = fuse(flow_part, art.tail("lift")(raw.lift))
        fused = self._fused(pair_part, flow_part)
        surprise = art.tail("fused")(fused) if raw.edge is None else raw.edge
        centre = centre_of(art.tensors["scale.mean"])
        out = []
        for graph, start in zip(graphs, batch.flow_start, strict=True):
            cut = slice(start, start + graph.flows)
            mine, added, of_counts, unseen = surprise[cut], None, None, 0
            if art.spec.memory:
                # window by window, so that a host of two windows counts in both
                key = host_keys(graph.host_hi, graph.host_lo, art.memory.salt)
                hosts = find(art.memory.host_key, key)
                unseen = int((hosts < 0).sum())
            if art.spec.evidence:
                pairs = find(art.memory.pair_key, pair_keys(key[graph.pair_src], key[graph.pair_dst]))
                added = raises(art.evidence, mine, graph.pair, graph.pair_src, pairs, hosts)
                if art.spec.activity:
                    past = activity.past_of(art.memory, pairs, hosts)
                    more = activity.raises(
                        art.activity, graph.pair_flows, graph.pair_src, graph.pair_dst, past
                    )
                    if art.spec.partners:
                        met = partners.met_of(art.partners, art.memory, pairs, hosts, graph.flows)
                        more += partners.raises(art.partners.prior, graph.pair_src, graph.pair_dst, met)
                        more = np.minimum(more, np.float32(activity.MOST))
                    of_counts = more[graph.pair]
                    added = added + of_counts
                mine = art.tail("evidence")(mine + added)
            told = apart(mine, graph.attributes, graph.duration_missing, centre)
            parts = pair_part[cut], flow_part[cut]
            out.append(Scores(-np.expm1(-mine), told, *parts, unseen, {}, added, of_counts))
        return out

    def _fused(self, pair_part: F32, flow_part: F32) -> F32:
        spec = self.artifact.spec
        if spec.memory and spec.flow_types:
            return fuse(pair_part, flow_part)
        return pair_part

    def heads(self, batch: Union) -> Heads:
        """Raw values of the heads that the spec has, before calibration."""
        art, spec, net = self.artifact, self.artifact.spec, self.net
        f = edge_features(
            batch.attributes, batch.missing, art.tensors["scale.mean"], art.tensors["scale.std"]
        )
        ft = torch.from_numpy(f)
        src, dst, pair = (torch.from_numpy(a) for a in (batch.pair_src, batch.pair_dst, batch.pair))
        flags = torch.from_numpy(class_flags(batch.host_hi, batch.host_lo))
        pair_raw = flow_raw = edge_raw = lift_raw = None
        bias = None
        if spec.memory:
            known = recall(
                art.memory, batch.host_hi, batch.host_lo, batch.pair_src, batch.pair_dst, art.prefixes
            )
            logit = net.existence_logit(torch.from_numpy(known.existence), flags[src], flags[dst])
            pair_raw = -logit
            bias = -torch.nn.functional.softplus(-logit)
        if spec.attention:
            host_x = [flags]
            if spec.octets:
                host_x += [torch.from_numpy(batch.octets), torch.from_numpy(batch.averaged)]
            pf = torch.from_numpy(pair_features(f, batch.pair, batch.pairs))
            graph_of = torch.from_numpy(batch.host_graph)
            z = net.encode(torch.cat(host_x, 1), src, dst, pf, bias, graph_of, batch.graphs)
        if spec.flow_types:
            context = torch.from_numpy(known.profile)
            if spec.attention:
                context = torch.cat([context, net.pair_embedding(z, src, dst)], 1)
            log_mix = net.log_mixture(context, torch.from_numpy(known.types))
            bins, groups = flow_bins(art, batch.attributes, batch.missing)
            rows = None
            if batch.extra is not None and spec.enriched:
                rows = torch.from_numpy(self.enriched.rows(batch.extra, bins.numpy()).astype(np.int64))
            flow_raw = net.flow_surprise(log_mix, pair, bins, groups, ft[:, :3], rows)
            if spec.lift:
                everywhere = torch.log(torch.from_numpy(art.tensors["lift.share"]))[None]
                none = torch.zeros_like(pair), torch.zeros_like(ft[:, :3])
                lift_raw = flow_raw - POWER * net.flow_surprise(
                    everywhere, none[0], bins, groups, none[1], rows
                )
        if spec.edge_decoder:
            window = torch.from_numpy(batch.window_features(f))
            edge_raw = torch.nn.functional.softplus(-net.edge_logit(z, src, dst, pair, ft, window))
        found = pair_raw, flow_raw, edge_raw, lift_raw
        return Heads(*(None if h is None else h.numpy() for h in found))


@dataclass(frozen=True)
class Heads:
    """Raw values: ``pair`` float32 [P] and ``flow``, ``edge``, ``lift`` float32 [E], each None where absent.

    ``pair``: minus the logit that the pair talks; ``flow``: -ln likelihood that it talks like this;
    ``edge``: -ln P(edge exists); ``lift``: that of the flow beside all traffic's (`model.lift`).
    """

    pair: F32 | None
    flow: F32 | None
    edge: F32 | None
    lift: F32 | None


def flow_bins(
    art: Artifact, attributes: F32, missing: npt.NDArray[np.bool_]
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Bins [E, 3] of raw attributes, and the groups of the first two columns' bins."""
    t = art.tensors
    duration = np.where(missing, MISSING, attributes[:, 2])
    columns = (attributes[:, 0], attributes[:, 1], duration)
    bins = np.stack([bin_of(t[f"bins.edges{i}"], np.ascontiguousarray(c)) for i, c in enumerate(columns)], 1)
    groups = tuple(torch.from_numpy(t[f"bins.group{i}"].astype(np.int64)) for i in (0, 1))
    return torch.from_numpy(bins.astype(np.int64)), (groups[0], groups[1])


class Union:
    """Several windows as one graph of disjoint parts; the arrays of `WindowGraph`, joined and shifted."""

    def __init__(self, graphs: list[WindowGraph]) -> None:
        hosts = np.cumsum([0] + [g.hosts for g in graphs])
        pairs = np.cumsum([0] + [g.pairs for g in graphs])
        self.flow_start = np.cumsum([0] + [g.flows for g in graphs])[:-1]
        self.pair_src = np.concatenate(
            [g.pair_src + np.int64(h) for g, h in zip(graphs, hosts, strict=False)]
        )
        self.pair_dst = np.concatenate(
            [g.pair_dst + np.int64(h) for g, h in zip(graphs, hosts, strict=False)]
        )
        self.pair = np.concatenate([g.pair + np.int64(p) for g, p in zip(graphs, pairs, strict=False)])
        self.host_hi = np.concatenate([g.host_hi for g in graphs])
        self.host_lo = np.concatenate([g.host_lo for g in graphs])
        self.host_graph = np.repeat(np.arange(len(graphs)), [g.hosts for g in graphs])
        self.flow_graph = np.repeat(np.arange(len(graphs)), [g.flows for g in graphs])
        self.attributes = np.concatenate([g.attributes for g in graphs])
        self.missing = np.concatenate([g.duration_missing for g in graphs])
        nothing = [np.full((g.flows, COLUMNS), ABSENT, np.int32) for g in graphs if g.extra is None]
        given = [g.extra for g in graphs if g.extra is not None]
        self.extra = None
        if given:
            told = iter(nothing)
            self.extra = np.concatenate([next(told) if g.extra is None else g.extra for g in graphs])
        none = np.zeros((0, 8), np.float32)
        self.octets = np.concatenate([none if g.octets is None else g.octets for g in graphs])
        self.averaged = np.concatenate([none if g.averaged is None else g.averaged for g in graphs])
        self.pairs, self.graphs = int(pairs[-1]), len(graphs)

    def window_features(self, f: F32) -> F32:
        """float32 [E, 8]: mean and standard deviation of the edge features of each flow's window."""
        count = np.maximum(np.bincount(self.flow_graph, minlength=self.graphs), 1)[:, None]
        by = [np.bincount(self.flow_graph, c, self.graphs) for c in f.T]
        mean = np.stack(by, 1) / count
        square = np.stack(
            [np.bincount(self.flow_graph, c.astype(np.float64) ** 2, self.graphs) for c in f.T], 1
        )
        deviation = np.sqrt(np.maximum(square / count - mean**2, 0))
        table: F32 = np.concatenate([mean, deviation], 1).astype(np.float32)
        return table[self.flow_graph]


def pair_features(f: F32, pair: npt.NDArray[np.int64], pairs: int) -> F32:
    """float32 [P, 5]: mean edge features of each pair's flows, log1p of their number / 4."""
    count = np.bincount(pair, minlength=pairs)
    mean = np.stack([np.bincount(pair, c, pairs) for c in f.T], 1) / np.maximum(count, 1)[:, None]
    return np.concatenate([mean, np.log1p(count)[:, None] / 4], 1).astype(np.float32)
