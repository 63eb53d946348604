"""Parent: the model that training goes on from, and what its memory is worth beside the new flows.

Scaling, bins, flow types and salt stay the parent's, so that its counts and the new ones are of the same
things. Counts fade at each retraining; who did not come back for long is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import UsageError
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.enriched import Enriched, enriched_of
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.model.memory import rows as rows_of
from morpheus_gae.model.sums import sums_of

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.train.counters import Counters

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

KEEP = 0.5
FAINT = 0.2
"""Flows, faded, below which nothing is remembered: half kept, a pair seen once is forgotten at the third."""


@dataclass(frozen=True)
class Parent:
    """A model to go on from.

    Attributes
    ----------
    artifact
        Of the model.
    keep
        What a flow of its memory is worth beside a new one, from 0 (forgotten) to 1.
    """

    artifact: Artifact
    keep: float = KEEP

    def __post_init__(self) -> None:
        if not 0 <= self.keep <= 1:
            raise UsageError(f"what is kept of a memory is a share from 0 to 1, got {self.keep}")

    @property
    def told(self) -> str:
        """Name and hash."""
        return f"{self.artifact.name}@{self.artifact.hash}"

    @property
    def salt(self) -> int:
        """Of the keys of hosts."""
        return self.artifact.memory.salt

    @property
    def scaling(self) -> tuple[F32, F32]:
        """float32 [3] mean and standard deviation of the log1p attributes."""
        return self.artifact.tensors["scale.mean"], self.artifact.tensors["scale.std"]

    @property
    def bins(self) -> tuple[tuple[F32, ...], tuple[I64, ...]] | None:
        """Edges of the three columns' bins, and groups of those of the first two; None without flow types."""
        t = self.artifact.tensors
        if not self.artifact.spec.flow_types:
            return None
        groups = tuple(t[f"bins.group{i}"].astype(np.int64) for i in (0, 1))
        return tuple(t[f"bins.edges{i}"] for i in range(3)), groups

    @property
    def codes(self) -> Enriched | None:
        """Codes of the enriched columns; None without them."""
        return enriched_of(self.artifact.tensors) if self.artifact.spec.enriched else None

    @cached_property
    def faded(self) -> dict[str, Array]:
        """Counters of the memory, by tensor name, with faded counts and without faint rows."""
        m = self.artifact.memory
        out: dict[str, Array] = {}
        hosts = self.keep * np.maximum(m.host_out[:, 0], m.host_in[:, 0]) >= FAINT
        pairs = self.keep * m.pair[:, 0] >= FAINT
        out["memory.host_key"], out["memory.pair_key"] = m.host_key[hosts], m.pair_key[pairs]
        for name, table, chosen in (
            ("host_out", m.host_out, hosts), ("host_in", m.host_in, hosts), ("pair", m.pair, pairs)
        ):  # fmt: skip
            faded = table[chosen]
            faded[:, 0] *= np.float32(self.keep)
            out[f"memory.{name}"] = faded
        out["memory.pair_types"] = (m.pair_types[pairs] * np.float16(self.keep)).astype(np.float16)
        if self.artifact.spec.partners:
            out["partners.past"] = self.artifact.partners.past[hosts] * np.float32(self.keep)
        return out

    def keys(self, graph: WindowGraph) -> tuple[U64, U64]:
        """uint64 [N], [P] keys of a graph's hosts and pairs."""
        host = host_keys(graph.host_hi, graph.host_lo, self.salt)
        return host, pair_keys(host[graph.pair_src], host[graph.pair_dst])

    def known(self, graph: WindowGraph) -> Bool | None:
        """Bool [P]: the pair is remembered; None without a memory."""
        if not self.artifact.spec.memory:
            return None
        return self.remembers(self.keys(graph)[1])

    def remembers(self, pairs: U64) -> Bool:
        """Bool [P]: the pair of each key, uint64 [P], is remembered."""
        return find(self.faded["memory.pair_key"], pairs) >= 0

    def types_of(self, graph: WindowGraph) -> F32:
        """float32 [P, K] faded counts of each pair's flow types."""
        return rows_of(
            self.faded["memory.pair_types"], find(self.faded["memory.pair_key"], self.keys(graph)[1])
        )

    def add_to(self, counters: Counters, graph: WindowGraph) -> None:
        """Put what is remembered of a graph's hosts and pairs into the counters of its flows."""
        host, pair = self.keys(graph)
        at = find(self.faded["memory.host_key"], host)
        for name, table in (("host_out", counters.by_out), ("host_in", counters.by_in)):
            table[0] += rows_of(sums_of(self.faded[f"memory.{name}"]), at)
        at = find(self.faded["memory.pair_key"], pair)
        counters.by_pair[0] += rows_of(sums_of(self.faded["memory.pair"]), at)
        counters.types[0] += rows_of(self.faded["memory.pair_types"], at)

    def joined(self, memory: dict[str, Array]) -> dict[str, Array]:
        """A memory of the new flows, and of the hosts and pairs that only the parent has."""
        out = {**memory, **self._alike(memory)}
        met = ["partners.past"] if "partners.past" in memory else []
        if met:
            at = find(self.faded["memory.host_key"], memory["memory.host_key"])
            memory = {**memory, met[0]: memory[met[0]] + rows_of(self.faded[met[0]], at)}
        for key, names in (
            ("host_key", ["memory.host_out", "memory.host_in", *met]),
            ("pair_key", ["memory.pair", "memory.pair_types"]),
        ):
            old, new = self.faded[f"memory.{key}"], memory[f"memory.{key}"]
            rest = find(new, old) < 0
            keys = np.concatenate([new, old[rest]])
            order = np.argsort(keys)
            out[f"memory.{key}"] = keys[order]
            for name in names:
                out[name] = np.concatenate([memory[name], self.faded[name][rest]])[order]
        return out

    def _alike(self, memory: dict[str, Array]) -> dict[str, Array]:
        """Prefixes and kin of both; of what both know the row with more hosts, or pairs."""
        own, out = self.artifact.tensors, dict[str, Array]()
        if not self.artifact.spec.prefixes:
            return out
        for key, counts, names in (
            ("key", ("out", "in"), ("out", "in", "seen")),
            ("pair_key", ("pair",), ("pair", "pair_seen", "pair_types")),
        ):
            tables = [{n: t[f"prefix.{n}"] for n in (key, *names)} for t in (memory, own)]
            keys = np.concatenate([t[key] for t in tables])
            weight = np.concatenate([sum(t[n][:, 0] for n in counts) for t in tables])
            order = np.lexsort((-weight, keys))
            first = order[np.append(True, np.diff(keys[order]) > 0)]
            for name in (key, *names):
                out[f"prefix.{name}"] = np.concatenate([t[name] for t in tables])[first]
        return out

    def shown(self, memory: dict[str, Array]) -> Shown:
        """What is known of the rows of a joined memory from before."""
        tensors = self.artifact.tensors
        found = []
        for key, name in (("pair_key", "pair"), ("host_key", "source")):
            at = find(self.artifact.tensors[f"memory.{key}"], memory[f"memory.{key}"])
            values = tensors[f"evidence.{name}"][np.maximum(at, 0)] if at.size else np.zeros(0, np.float32)
            found.append(np.where(at >= 0, values, np.float32(np.nan)))
        known = find(self.faded["memory.pair_key"], memory["memory.pair_key"]) >= 0
        return Shown(known, found[0], found[1])


@dataclass(frozen=True)
class Shown:
    """What is known from before.

    Attributes
    ----------
    known
        bool [Q]: the pair is remembered whatever the new flows hold.
    pair, source
        float32 [Q], [H] evidence expected of each, NaN where nothing is.
    """

    known: Bool
    pair: F32
    source: F32
