"""Loss: one training window, from flows to a number.

Positives are the window's own flows; negatives are drawn. The encoder sees 70 % of the flows and the heads
that read it are asked about the hidden 30 %, so that no edge explains itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from morpheus_gae.graph.build import build_graph_arrays
from morpheus_gae.model.gae import GAE
from morpheus_gae.train.counters import Counters, Recalled, View
from morpheus_gae.train.prepare import Prepared

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
VISIBLE = 0.7
FLOW_WEIGHT = 0.3
UNIFORM, SAME_SOURCE, UNKNOWN_HOST = 0.6, 0.6, 0.3


@dataclass(frozen=True)
class Local:
    """A window's hosts and pairs, renumbered; ``host`` and ``pair_id`` lead back to the run's ids."""

    host: I64
    src: I64
    dst: I64
    pair: I64
    pair_id: I64
    pair_src: I64
    pair_dst: I64


def localise(data: Prepared, rows: slice) -> Local:
    """Number the hosts and pairs of consecutive flows from 0."""
    g = data.graph
    pair_id, pair = np.unique(g.pair[rows], return_inverse=True)
    ends = np.concatenate([g.pair_src[pair_id], g.pair_dst[pair_id]])
    host, end = np.unique(ends, return_inverse=True)
    pair_src, pair_dst = end[: pair_id.shape[0]], end[pair_id.shape[0] :]
    return Local(
        host.astype(np.int64),
        pair_src[pair],
        pair_dst[pair],
        pair,
        pair_id.astype(np.int64),
        pair_src,
        pair_dst,
    )


def tensor(a: npt.NDArray[np.generic]) -> Tensor:
    """The array as a tensor, without a copy where possible."""
    return torch.from_numpy(np.ascontiguousarray(a))


def memory_loss(
    net: GAE,
    data: Prepared,
    counters: Counters,
    rows: slice,
    without: str | int,
    rng: np.random.Generator,
) -> Tensor:
    """softplus(-l+) + softplus(l-) of the existence head, plus 0.3 x the flows' -ln likelihood.

    A burst counts once: a pair weighs in a window as many flows as it has outside that fifth of the time, and
    one more, but no more than it has in the window.
    """
    local = localise(data, rows)
    view = View(counters, rows, without)
    known = view.recall(
        local.pair_id, counters.reverse[local.pair_id], local.host[local.pair_src], local.host[local.pair_dst]
    )
    flags = tensor(data.flags[local.host])
    src, dst = tensor(local.pair_src), tensor(local.pair_dst)
    logit = net.existence_logit(tensor(known.existence), flags[src], flags[dst])
    weight = pair_weights(counters, local, int(data.fold[rows.start]))
    loss = (F.softplus(-logit) * weight).sum() / weight.sum()
    fake, fake_flags = negatives(data, counters, view, local, rng)
    loss = loss + F.softplus(net.existence_logit(tensor(fake.existence), *fake_flags)).mean()
    if net.spec.flow_types:
        loss = loss + FLOW_WEIGHT * flow_loss(net, data, local, known, logit, weight, rows, rng)
    return loss


def pair_weights(counters: Counters, local: Local, fold: int) -> Tensor:
    """float32 [P] weight of each pair of a window of that fold."""
    here = np.bincount(local.pair, minlength=local.pair_id.shape[0])
    everywhere, inside = (counters.by_pair[i][local.pair_id, 0] for i in (0, 1 + fold))
    return tensor(np.minimum(here, 1 + np.maximum(everywhere - inside, 0)).astype(np.float32))


def flow_loss(
    net: GAE,
    data: Prepared,
    local: Local,
    known: Recalled,
    logit: Tensor,
    weight: Tensor,
    rows: slice,
    rng: np.random.Generator,
) -> Tensor:
    """Mean -ln likelihood of the flows (with an encoder: of the hidden ones), by the weight of their pair."""
    src, dst, pair = tensor(local.pair_src), tensor(local.pair_dst), tensor(local.pair)
    bins, x = tensor(data.bins[rows].astype(np.int64)), tensor(data.f[rows, :3])
    context = tensor(known.profile)
    groups = (tensor(data.groups[0]), tensor(data.groups[1]))
    asked = slice(None)
    if net.spec.attention:
        visible = rng.random(pair.shape[0]) < VISIBLE
        bias = -F.softplus(-logit.detach())
        z = encode_visible(net, data, local, rows, visible, bias)
        context = torch.cat([context, net.pair_embedding(z, src, dst)], 1)
        asked = tensor(~visible)
    log_mix = net.log_mixture(context, tensor(known.types))
    share = (weight / tensor(np.bincount(local.pair)))[pair[asked]]
    extra = None if data.extra is None else data.extra.rows_of(rows)[asked]
    each = net.flow_surprise(log_mix, pair[asked], bins[asked], groups, x[asked], extra)
    out: Tensor = (each * share).sum() / share.sum()
    return out


def encode_visible(
    net: GAE, data: Prepared, local: Local, rows: slice, visible: npt.NDArray[np.bool_], bias: Tensor | None
) -> Tensor:
    """Host embeddings from the visible flows alone."""
    from morpheus_gae.executors.torch.executor import pair_features

    host_x = [data.flags[local.host]]
    if net.spec.octets:
        graph = data.graph
        at = graph.pair[rows][visible]
        a, b = graph.pair_src[at], graph.pair_dst[at]
        g = build_graph_arrays(
            graph.host_hi[a], graph.host_lo[a], graph.host_hi[b], graph.host_lo[b],
            graph.attributes[rows][visible], graph.duration_missing[rows][visible],
            octets=True, tolerance=net.spec.tolerance, max_sweeps=net.spec.max_sweeps,
        )  # fmt: skip
        assert g.octets is not None
        assert g.averaged is not None
        # both number the same addresses: carry the rows over by host
        theirs = np.zeros((local.host.shape[0], 16), np.float32)
        theirs[local.src[visible], :8], theirs[local.dst[visible], :8] = g.octets[g.src], g.octets[g.dst]
        theirs[local.src[visible], 8:], theirs[local.dst[visible], 8:] = g.averaged[g.src], g.averaged[g.dst]
        host_x.append(theirs)
    shown, pair = np.unique(local.pair[visible], return_inverse=True)
    pf = pair_features(data.f[rows][visible], pair, shown.shape[0])
    return net.encode(
        tensor(np.concatenate(host_x, 1)),
        tensor(local.pair_src[shown]),
        tensor(local.pair_dst[shown]),
        tensor(pf),
        None if bias is None else bias[tensor(shown)],
        torch.zeros(local.host.shape[0], dtype=torch.int64),
        1,
    )


def negatives(
    data: Prepared, counters: Counters, view: View, local: Local, rng: np.random.Generator
) -> tuple[Recalled, tuple[Tensor, Tensor]]:
    """Pairs that did not talk: uniform, same source to a popular destination, and with an unknown host."""
    e, n = local.src.shape[0], local.host.shape[0]
    uniform, same, unknown = (max(int(share * e), 1) for share in (UNIFORM, SAME_SOURCE, UNKNOWN_HOST))
    src = np.concatenate(
        [rng.integers(0, n, uniform), rng.choice(local.src, same), rng.choice(local.src, unknown)]
    )
    dst = np.concatenate(
        [rng.integers(0, n, uniform), rng.choice(local.dst, same), rng.choice(local.dst, unknown)]
    )
    s, d = local.host[src], local.host[dst]
    stranger = rng.random(unknown) < 0.5
    known_s, known_d = s.copy(), d.copy()
    known_s[-unknown:][stranger] = -1
    known_d[-unknown:][~stranger] = -1
    forward, reverse = counters.find(s, d), counters.find(d, s)
    forward[-unknown:] = reverse[-unknown:] = -1
    # half of the unknown hosts are of a network that is known
    network = np.where(rng.random(unknown) < 0.5, rng.choice(local.host, unknown), -1)
    like_s, like_d = s.copy(), d.copy()
    like_s[-unknown:][stranger] = network[stranger]
    like_d[-unknown:][~stranger] = network[~stranger]
    return (
        view.recall(forward, reverse, known_s, known_d, (like_s, like_d)),
        (tensor(data.flags[s]), tensor(data.flags[d])),
    )


def edge_loss(net: GAE, data: Prepared, rows: slice, rng: np.random.Generator) -> Tensor:
    """Binary cross-entropy of hidden flows against the same flows with another end or other attributes.

    A negative keeps real attributes: zeros would teach "no attributes = no edge".
    """
    local = localise(data, rows)
    visible: npt.NDArray[np.bool_] = np.less(rng.random(local.pair.shape[0]), VISIBLE)
    visible[rng.integers(0, visible.shape[0])] = True
    hidden = np.flatnonzero(~visible)
    z = encode_visible(net, data, local, rows, visible, None)
    f = data.f[rows]
    window = np.concatenate([f[visible].mean(0), f[visible].std(0)]).astype(np.float32)
    m, n = hidden.shape[0], local.host.shape[0]
    s, d = local.src[hidden], local.dst[hidden]
    other = rng.integers(0, local.pair.shape[0], m)
    src = np.concatenate([s, s, rng.integers(0, n, m), s])
    dst = np.concatenate([d, rng.choice(local.dst, m), rng.integers(0, n, m), d])
    edge = np.concatenate([f[hidden], f[hidden], f[hidden], f[other]])
    logit = net.edge_logit(
        z, tensor(src), tensor(dst), torch.arange(4 * m), tensor(edge), tensor(window).expand(4 * m, -1)
    )
    return F.softplus(-logit[:m]).mean() + F.softplus(logit[m:]).mean()
