"""A small network of known prefixes, what a model remembers of it, and models that do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from morpheus_gae.flows.addresses.text import parse_addresses
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.memory import Memory
from morpheus_gae.model.prefixes import Prefixes
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.train.counters import FOLDS, Counters
from morpheus_gae.train.prefixes import ByPrefix
from morpheus_gae.train.prepare import Prepared, prepare
from morpheus_gae.train.spool import Spool
from tests.model.make import sound, sound_tensors

NET, SITE, SIX = "10.1.1", "10.1.2", "2001:db8:1:2"
SERVERS = ("10.9.9.9", "10.9.9.10", "10.9.9.11", "2001:db8:9::9")
DESKS = 12
SALT = int(np.random.default_rng([0, 7]).integers(1 << 63))


def addresses(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    hi, lo, there = parse_addresses(pa.array(texts))
    assert there.all()
    return hi, lo


def network(flows: int, seed: int, first: int = 1, strangers: float = 0.0) -> Flows:
    """Desks of two networks and of IPv6 that talk to servers and to each other."""
    rng = np.random.default_rng(seed)
    nets = np.array([NET, SITE, SIX])
    net, number = rng.integers(0, 3, flows), rng.integers(first, first + DESKS, flows)
    src = [
        f"{nets[n]}{':' if n == 2 else ''}{'.' if n < 2 else ':'}{i}"
        for n, i in zip(net, number, strict=True)
    ]
    dst = [SERVERS[i] for i in rng.integers(0, len(SERVERS), flows)]
    for i in np.flatnonzero(rng.random(flows) < 0.2):
        dst[i] = f"{NET}.{rng.integers(1, 1 + DESKS)}"
    for i in np.flatnonzero(rng.random(flows) < strangers):
        src[i] = f"203.0.{rng.integers(0, 200)}.{rng.integers(1, 200)}"
    (src_hi, src_lo), (dst_hi, dst_lo) = addresses(*src), addresses(*dst)
    attributes = np.floor(np.exp(rng.normal(6, 1, (flows, 3)))).astype(np.float32)
    at = np.arange(flows)
    return Flows(
        pa.table({"row": at}), src_hi, src_lo, dst_hi, dst_lo, attributes, np.zeros(flows, bool), at, at * 10
    )  # fmt: skip


def counted(flows: Flows, kinds: int = 3) -> tuple[Prepared, Counters]:
    """Counters with prefixes, and made-up flow types."""
    fold = (np.arange(len(flows)) * FOLDS // len(flows)).astype(np.uint8)
    spool = Spool()
    data = prepare(build_graph(flows), fold, spool)
    g = data.graph
    share = np.random.default_rng(1).dirichlet(np.ones(kinds), len(flows)).astype(np.float32)
    counters = Counters(
        f=data.f, pair=g.pair, fold=data.fold, hosts=g.hosts, pair_src=g.pair_src.astype(np.int64),
        pair_dst=g.pair_dst.astype(np.int64), responsibilities=share, spool=spool,
    )  # fmt: skip
    counters.by_prefix = ByPrefix(counters, g.host_hi, g.host_lo, FOLDS)
    return data, counters


def tensors(kinds: int = 3) -> dict[str, np.ndarray]:
    """``memory.*`` and ``prefix.*`` of the network."""
    from morpheus_gae.train.gather import memory_of

    return memory_of(*counted(network(600, 0), kinds), 0)


def memory_and_prefixes() -> tuple[Memory, Prefixes]:
    spec = ModelSpec(prefixes=True, flow_types=3)
    artifact = Artifact(Path(), "", "", spec, tensors(), {})
    assert artifact.prefixes is not None
    return artifact.memory, artifact.prefixes


def model(folder: Path, spec: ModelSpec) -> Artifact:
    """With random weights, which knows the network."""
    own = tensors(max(spec.flow_types, 1))
    made = sound_tensors(spec)
    # of what the spec has
    made |= {name: tensor for name, tensor in own.items() if name in made}
    if spec.evidence:
        made["evidence.pair"] = np.full(own["memory.pair_key"].shape, 0.1, np.float32)
        made["evidence.source"] = np.full(own["memory.host_key"].shape, 0.1, np.float32)
    if spec.partners:
        made["partners.past"] = np.ones((own["memory.host_key"].shape[0], 2), np.float32)
    return sound(folder, spec, tensors=made)
