"""Learner: online learning of the memory from recurring, unflagged traffic.

Counters are sums (flows, attributes, squares, flow types), so that learning window by window equals counting
the whole stream, and they decay with a half-life in event time. New hosts and pairs are candidates: they
enter the memory used for scoring an hour after they were first seen, so that only recurring ones benefit.
Flagged flows are not learnt, and a host or pair with many flagged flows is barred completely, until that was
so on `QUARANTINE_DAYS` different days. Labels are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.kin import beside, kin, spans
from morpheus_gae.detect.learnt_columns import host_columns, pair_columns
from morpheus_gae.detect.met import MET, note_met
from morpheus_gae.executors.cpu import learn, learn_enriched
from morpheus_gae.executors.cpu.enriched import CpuEnriched
from morpheus_gae.executors.cpu.executor import flow_model
from morpheus_gae.executors.cpu.hash_table import HashTable
from morpheus_gae.model.evidence import UPTO
from morpheus_gae.model.features import edge_features
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.model.prefixes import prefix_keys
from morpheus_gae.model.sums import moments, sums_of

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Tensors = dict[str, npt.NDArray[Any]]

HALF_LIFE_DAYS = 14.0
BLOCK_MS = 3_600_000
"""Length of a block of time: an hour."""
BLOCK_FLOWS = 20_000
"""Flows of a block where flows have no times."""
WINDOW, WINDOW_SECONDS, WINDOW_LEAST = BLOCK_FLOWS, BLOCK_MS / 1000, 1000
"""Unless the user says otherwise a window ends after so many flows, or after an hour that has so many: what
it does not know it cannot have learnt."""
BLOCKS_A_DAY = 24
MOST_BLOCKS = 1 << 30
WAIT = 2
"""Blocks from the first flow of a pair or host until it enters the memory: at least an hour."""
STRANGE = 0.1
"""A pair or source is barred while more than this share of its recent flows is flagged."""
BAR_HALF_LIFE_DAYS = 1.0
QUARANTINE_DAYS = 5
MOST_PAIRS, MOST_HOSTS = 1_000_000, 250_000
CROWDED = 2
"""Times these are held at most: then a merge comes at once."""
SHORT_BLOCKS = 7 * BLOCKS_A_DAY / 5
"""A host seen only within a fifth of a week, or of the time so far, may never recur."""
FAINT = 0.5
"""Least decayed number of flows in memory."""
HALF = 0.5
"""Trained prefix tables are used until their weight falls to this: one half-life."""
MERGE_SHARE = 2
"""A merge takes a pass over the pairs: it waits for half as many flows."""

PAST_PAIRS = 8.0
"""Assumed number of past pairs of a source in the artifact's memory, for evidence."""


@dataclass(frozen=True)
class Seen:
    """Statistics of one learnt window.

    Attributes
    ----------
    flows, known, learnt
        Number of flows of the window, of those whose pair was in the scoring memory, and of those learnt
        from.
    """

    flows: int
    known: int
    learnt: int


class Learner:
    """Learns hosts and pairs from scored windows.

    Parameters
    ----------
    artifact
        Source of scaling, bins, flow types, salt and the initial memory.
    half_life_days
        Half-life of learnt counters in days of event time.
    blank
        Start with an empty memory.

    Attributes
    ----------
    hosts, pairs
        Hash tables of hosts and pairs, including candidates.
    now
        Latest block of time, in hours since the epoch; None before the first flow.
    flows
        Flows seen.
    """

    def __init__(
        self, artifact: Artifact, half_life_days: float = HALF_LIFE_DAYS, blank: bool = False
    ) -> None:
        self.artifact, self.half_life_days = artifact, half_life_days
        self._salt = artifact.memory.salt
        types = artifact.spec.flow_types
        self._flow_model = flow_model(artifact, artifact.weights()) if types else None
        self._enriched: CpuEnriched | None = None
        if artifact.spec.enriched and self._flow_model is not None:
            self._enriched = CpuEnriched(artifact, artifact.weights(), self._flow_model)
        self.hosts, self.pairs = (
            HashTable(columns)
            for columns in (host_columns(artifact.spec.partners), pair_columns(max(types, 1)))
        )
        self.now: int | None = None
        self.flows = 0
        self._merged_at: int | None = None
        self._merged_flows = 0
        self._began: int | None = None
        # remaining weight of the trained prefix tables
        self._before = 0.0 if blank else 1.0
        if not blank:
            self._recollect()

    def learn(
        self, graph: WindowGraph, flagged: Bool, time_ms: I64 | None, evidence: F32 | None = None
    ) -> Seen:
        """Learn from a window.

        Parameters
        ----------
        graph
            The window.
        flagged
            bool [E], flows that were flagged.
        time_ms
            int64 [E] start of each flow, if known.
        evidence
            float32 [E] evidence of each flow in nats (`model.evidence`), if the model has it.
        """
        e, hosts, pairs = graph.flows, self.hosts, self.pairs
        if not e:
            return Seen(0, 0, 0)
        block = self._blocks(e, time_ms)
        self._began = self.now if self._began is None else self._began
        keys = host_keys(graph.host_hi, graph.host_lo, self._salt)
        host = hosts.rows(keys)
        row = pairs.rows(pair_keys(keys[graph.pair_src], keys[graph.pair_dst]))
        src, dst, pair = host[graph.src], host[graph.dst], row[graph.pair]
        known = int(pairs["known"][pair].sum())
        if self.artifact.spec.prefixes:
            hosts["narrow"][host], hosts["wide"][host] = prefix_keys(graph.host_hi, graph.host_lo, self._salt)
            pairs["src"][row], pairs["dst"][row] = keys[graph.pair_src], keys[graph.pair_dst]
        day = block // np.int32(BLOCKS_A_DAY)
        for table, at in ((pairs, pair), (hosts, src)):
            learn.note_flags(
                flagged, at, day, table["strange"], table["clean"], table["days"], table["last_day"]
            )
        # flagged on this many days: recurring, no longer barred
        freed = (pairs["days"] >= QUARANTINE_DAYS)[pair]
        chosen = (~flagged & ~barred(pairs)[pair] & ~barred(hosts)[src]) | freed
        x = edge_features(
            graph.attributes,
            graph.duration_missing,
            *(self.artifact.tensors[f"scale.{n}"] for n in ("mean", "std")),
        )
        for table, at, sums, role in (
            (hosts, src, "out", "_out"), (hosts, dst, "in", "_in"), (pairs, pair, "sums", "")
        ):  # fmt: skip
            times = (table[f"{name}{role}"] for name in ("first", "last", "blocks"))
            learn.note_blocks(chosen, at, block, *times)
            learn.add_sums(chosen, at, x, table[sums])
        if self._enriched is not None and graph.extra is not None:
            learn_enriched.add_types(
                chosen, graph.pair, row, pairs["types"][row], graph.attributes, graph.duration_missing,
                self._flow_model, self._enriched.rows(graph), self._enriched.table, pairs["types"],
            )  # fmt: skip
        elif self._flow_model is not None:
            learn.add_types(
                chosen, graph.pair, row, pairs["types"][row], graph.attributes, graph.duration_missing,
                self._flow_model, pairs["types"],
            )  # fmt: skip
        if evidence is not None:
            self._note_evidence(graph, chosen, evidence, row, host)
        if self.artifact.spec.partners:
            met = (np.bincount(graph.pair[chosen], minlength=graph.pairs) > 0) & (pairs["known"][row] == 0)
            assert self.now is not None
            note_met(graph, met, hosts, host, self.now - WAIT)
        self.flows += e
        return Seen(e, known, int(chosen.sum()))

    @property
    def due(self) -> bool:
        """Whether a block of time has passed since the last merge, with enough flows, or too much is held."""
        # a flood of forged addresses does not wait for the hour
        crowded = self.pairs.size > CROWDED * MOST_PAIRS or self.hosts.size > CROWDED * MOST_HOSTS
        enough = MERGE_SHARE * (self.flows - self._merged_flows) >= self.pairs.size
        return crowded or (self.now not in (None, self._merged_at) and enough)

    def merge(self) -> Tensors:
        """Decay and evict, and return the memory for scoring the next windows.

        Returns
        -------
        dict
            The tensors ``memory.*`` of an artifact, without a row where nothing is remembered, and what
            evidence is to be expected of each row, if the model has that part.
        """
        assert self.now is not None
        self._fade()
        pairs, hosts = self.pairs, self.hosts
        waited = (pairs["blocks"] > 0) & (self.now - pairs["first"] >= WAIT)
        pairs["known"][:] = waited & (pairs["sums"][:, 0] >= FAINT)
        out, into = self._roles()
        if hosts.size > MOST_HOSTS:
            hosts.keep(_latest(out | into, np.maximum(hosts["last_out"], hosts["last_in"]), MOST_HOSTS))
            out, into = self._roles()
        if pairs.size > MOST_PAIRS:
            pairs.keep(_latest(pairs["known"] > 0, pairs["last"], MOST_PAIRS))
        at, row = np.flatnonzero(out | into), np.flatnonzero(pairs["known"])
        at, row = at[np.argsort(hosts.keys[at])], row[np.argsort(pairs.keys[row])]
        types = np.empty((row.shape[0], pairs["types"].shape[1]), np.uint16)
        learn.halves(pairs["types"], row, types)
        self._merged_at, self._merged_flows = self.now, self.flows
        memory: Tensors = {
            "memory.host_key": hosts.keys[at],
            "memory.host_out": moments(hosts["out"][at] * out[at, None]),
            "memory.host_in": moments(hosts["in"][at] * into[at, None]),
            "memory.pair_key": pairs.keys[row],
            "memory.pair": moments(pairs["sums"][row]),
            "memory.pair_types": types.view(np.float16),
        }
        if self.artifact.spec.evidence:
            memory |= self._expected(at, row)
        if self.artifact.spec.partners:
            met = np.stack([hosts["met_out"][at] * out[at], hosts["met_in"][at] * into[at]], 1)
            memory["partners.past"] = met.astype(np.float32)
        if self.artifact.spec.prefixes:
            memory |= self._kin(out, into, row)
        return memory

    def counts(self) -> dict[str, int]:
        """Return the numbers of pairs in memory, candidates, and barred ones."""
        known, kept_out = self.pairs["known"] > 0, barred(self.pairs)
        return {
            "learnt": int(known.sum()),
            "candidates": int((~known & ~kept_out).sum()),
            "barred": int(kept_out.sum()),
        }

    def facts(self) -> dict[str, int | float | None]:
        """Return the numbers that `restore` needs beside the tables."""
        return {
            "now": self.now, "flows": self.flows, "merged_at": self._merged_at,
            "merged_flows": self._merged_flows, "began": self._began, "before": self._before,
        }  # fmt: skip

    def restore(self, tables: Mapping[str, Tensors], facts: Mapping[str, Any]) -> None:
        """Restore from ``hosts`` and ``pairs`` (`HashTable.tensors`), and from `facts`."""
        self.hosts.load(tables["hosts"])
        self.pairs.load(tables["pairs"])
        self.now, self.flows = facts["now"], facts["flows"]
        self._merged_at, self._merged_flows = facts["merged_at"], facts["merged_flows"]
        self._began, self._before = facts["began"], facts["before"]

    def _kin(self, out: Bool, into: Bool, row: I64) -> Tensors:
        """Return the prefix tables of the memory."""
        assert self.now is not None
        assert self._began is not None
        so_far = SHORT_BLOCKS if self._before else min((self.now - self._began) / 5, SHORT_BLOCKS)
        found = kin(self.hosts, (out, into), spans(self.hosts) < so_far, self.pairs, row)
        trained = self.artifact.prefixes
        if trained is not None and self._before >= HALF:
            found = beside(found, trained)
        return found

    def _note_evidence(self, graph: WindowGraph, chosen: Bool, evidence: F32, row: I32, host: I32) -> None:
        """Add the evidence of pairs' flows, and the pairs' means to their sources, once per window."""
        pair = graph.pair[chosen]
        count = np.bincount(pair, minlength=graph.pairs)
        total = np.bincount(pair, evidence[chosen], graph.pairs)
        self.pairs["evidence"][row] += total
        seen = count > 0
        src = graph.pair_src[seen]
        self.hosts["times"][host] += np.bincount(src, minlength=graph.hosts)
        self.hosts["evidence"][host] += np.bincount(src, total[seen] / count[seen], graph.hosts)

    def _expected(self, at: I64, row: I64) -> Tensors:
        """Return the mean evidence of the hosts and pairs in memory."""
        hosts, pairs = self.hosts, self.pairs
        times = hosts["times"][at]
        unknown = self.artifact.evidence.unknown
        source = np.where(times > 0, hosts["evidence"][at] / np.where(times > 0, times, 1.0), unknown)
        pair = pairs["evidence"][row] / np.maximum(pairs["sums"][row, 0], FAINT)
        return {
            "evidence.source": np.clip(source, 0.0, UPTO).astype(np.float32),
            "evidence.pair": np.clip(pair, 0.0, UPTO).astype(np.float32),
        }

    def _roles(self) -> tuple[Bool, Bool]:
        """Return whether each host is in memory as a source, and as a destination, bool [H] each."""
        assert self.now is not None
        hosts, roles = self.hosts, []
        for name in ("out", "in"):
            waited = (hosts[f"blocks_{name}"] > 0) & (self.now - hosts[f"first_{name}"] >= WAIT)
            roles.append(waited & (hosts[name][:, 0] >= FAINT))
        return roles[0], roles[1]

    def _blocks(self, flows: int, time_ms: I64 | None) -> I32:
        """Return the block of each flow, int32 [E]; the clock advances with the window's median."""
        if time_ms is None:
            # after windows with times the clock stands still: an input may lack the column
            at = np.maximum((self.flows + np.arange(flows)) // BLOCK_FLOWS, self.now or 0)
            self.now = int(at[-1])
            return at.astype(np.int32)
        block = time_ms // BLOCK_MS
        middle = min(max(int(np.median(block)), 0), MOST_BLOCKS)
        self.now = middle if self.now is None else max(self.now, middle)
        # a clock wrong by years must not age everything else
        return np.clip(block, max(middle - BLOCKS_A_DAY, 0), middle + BLOCKS_A_DAY).astype(np.int32)

    def _fade(self) -> None:
        if self._merged_at is None or self.now is None:
            return
        days = (self.now - self._merged_at) / BLOCKS_A_DAY
        # a gap of months, or a jumping clock, must not empty the memory at once
        factor = 0.5 ** min(days / self.half_life_days, 1.0)
        self._before *= factor
        met = tuple(name for name in MET if name in self.hosts.columns)
        for table, names in (
            (self.hosts, ("out", "in", "times", "evidence", *met)),
            (self.pairs, ("sums", "types", "evidence")),
        ):
            for name in names:
                table[name][:] *= factor
            for name in ("strange", "clean"):
                table[name][:] *= np.float32(0.5 ** min(days / BAR_HALF_LIFE_DAYS, 60.0))

    def _recollect(self) -> None:
        """Initialise from the artifact's memory, none of it candidates."""
        memory = self.artifact.memory
        rows = self.hosts.rows(memory.host_key)
        for name, counters in (("out", memory.host_out), ("in", memory.host_in)):
            self.hosts[name][rows] = sums_of(counters)
            self.hosts[f"blocks_{name}"][rows] = counters[:, 0] > 0
            self.hosts[f"first_{name}"][rows] = -WAIT
        if self.artifact.spec.partners:
            self.hosts["met_out"][rows], self.hosts["met_in"][rows] = self.artifact.partners.past.T
        expected = self.artifact.evidence if self.artifact.spec.evidence else None
        if expected is not None:
            self.hosts["times"][rows] = PAST_PAIRS
            self.hosts["evidence"][rows] = PAST_PAIRS * expected.source
        rows = self.pairs.rows(memory.pair_key)
        if expected is not None:
            self.pairs["evidence"][rows] = expected.pair * memory.pair[:, 0]
        self.pairs["sums"][rows] = sums_of(memory.pair)
        self.pairs["types"][rows] = memory.pair_types
        self.pairs["blocks"][rows] = self.pairs["known"][rows] = 1
        self.pairs["first"][rows] = -WAIT


def barred(table: HashTable) -> Bool:
    """Mark the rows with many flagged flows, on fewer than the required days, bool [R]."""
    strange = table["strange"]
    return (strange > STRANGE * (strange + table["clean"])) & (table["days"] < QUARANTINE_DAYS)


def known_share(artifact: Artifact, graph: WindowGraph) -> float:
    """Return the share of a window that is in the artifact's memory, by flows or by pairs; 1 for no flows.

    The larger one, and a host's pairs count as one: neither a flood nor a scan makes a network unknown.
    """
    if not graph.flows:
        return 1.0
    keys = host_keys(graph.host_hi, graph.host_lo, artifact.memory.salt)
    row = find(artifact.memory.pair_key, pair_keys(keys[graph.pair_src], keys[graph.pair_dst]))
    partners = [np.bincount(end)[end] for end in (graph.pair_src, graph.pair_dst)]
    by_pairs = np.average(row >= 0, weights=1.0 / np.maximum(*partners))
    return max(float(by_pairs), float((row >= 0)[graph.pair].mean()))


def _latest(known: Bool, last: I32, most: int) -> Bool:
    """Choose nine tenths of the maximum number of rows: known ones first, then those seen last."""
    order = np.lexsort((last, known))
    chosen = np.zeros(last.shape[0], np.bool_)
    chosen[order[-(9 * most // 10) :]] = True
    return chosen
