"""Explain: contributions to a flagged flow's surprise, percentiles by pair and source, and facts.

Computed for flagged flows only, from their rows and the model, with NumPy: identical for all executors and
both engines. Only information in the model's memory is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.contributions import CONTRIBUTIONS, contributions
from morpheus_gae.detect.explained import FACTS, PERCENTILES
from morpheus_gae.detect.facts import counted, counting, met_fact, ranges
from morpheus_gae.detect.flow_types import FlowTypes
from morpheus_gae.detect.habits import habit, percentiles
from morpheus_gae.detect.repeats import chosen, new_hosts, repeats
from morpheus_gae.model.features import edge_features
from morpheus_gae.model.memory import find, host_keys, pair_keys, rows
from morpheus_gae.model.partners import known_past
from morpheus_gae.model.prefixes import prefix_keys

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.executors.base import Scores
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


class Ends(NamedTuple):
    """F flows as model input: addresses uint64 [F], attributes float32 [F, 3], missing bool [F]."""

    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    attributes: F32
    missing: npt.NDArray[np.bool_]

    def of(self, at: I64) -> Ends:
        """Return a selection of the flows."""
        lanes = self.src_hi[at], self.src_lo[at], self.dst_hi[at], self.dst_lo[at]
        return Ends(*lanes, self.attributes[at], self.missing[at])


class Explainer:
    """Explains alerts of one model.

    Parameters
    ----------
    artifact
        Model that scored them.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._memory = artifact.memory if artifact.spec.memory else None
        self._prefixes = None if self._memory is None else artifact.prefixes
        self._types: FlowTypes | None = None
        self._total = 0.0
        if self._memory is not None:
            self._total = float(self._memory.pair[:, 0].sum(dtype=np.float64))

    def columns(self, flows: Flows, scores: Scores, index: I64, table: pa.Table) -> dict[str, Any]:
        """Compute the columns ``EXPLAINED`` of chosen flows.

        Parameters
        ----------
        flows, scores
            Of a window.
        index
            int64 [F] flows to explain.
        table
            Their rows.

        Returns
        -------
        dict
            Contributions and percentiles as arrow float64 [F], null where unknown; facts as lists of text
            [F], empty beyond the ``MOST`` most anomalous.
        """
        import pyarrow as pa

        n = index.shape[0]
        parts = contributions(self.artifact, scores, index)
        percent = np.full((n, 3), np.nan, order="F")
        surprise = np.asarray(scores.surprise[index], np.float64)
        probability, quantile = self.artifact.quantiles
        percent[:, 2] = np.floor(1e4 * np.interp(surprise, quantile, probability)) / 100
        facts = pa.nulls(0, pa.string())
        lengths = np.zeros(n, np.int64)
        ends = _ends(flows, index, table) if n and self._memory is not None else None
        if ends is not None:
            at, told = self._recall(ends, len(flows), surprise, percent)
            lengths[at] = [len(few) for few in told]
            facts = pa.array([fact for few in told for fact in few], pa.string())
        out: dict[str, Any] = {
            name: pa.array(values, mask=np.isnan(values))
            for name, values in zip((*CONTRIBUTIONS, *PERCENTILES), (*parts.T, *percent.T), strict=True)
        }
        offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
        return {**out, FACTS: pa.ListArray.from_arrays(offsets, facts)}

    def _recall(self, ends: Ends, window: int, surprise: F64, percent: F64) -> tuple[I64, list[list[str]]]:
        """Fill in percentiles of pair and host, of a window's flows; which get facts, int64 [few], and
        these.
        """
        memory, t = self._memory, self.artifact.tensors
        assert memory is not None
        src = host_keys(ends.src_hi, ends.src_lo, memory.salt)
        dst = host_keys(ends.dst_hi, ends.dst_lo, memory.salt)
        code = pair_keys(src, dst)
        found = repeats(surprise, code)
        known = find(memory.pair_key, code[found.first])
        pair, source = known[found.of], find(memory.host_key, src[found.first])[found.of]
        mean, scale = t["scale.mean"], t["scale.std"]
        x = edge_features(ends.attributes, ends.missing, mean, scale)[:, :3]
        percent[:, 0] = percentiles(x, memory.pair, pair)
        percent[:, 1] = percentiles(x, memory.host_out, source)
        at = chosen(surprise, found)
        told: list[list[str]] = [[] for _ in range(at.shape[0])]
        few, x, pair, source = ends.of(at), x[at], pair[at], source[at]
        fresh = found.first[known < 0]
        met = self._met((src[at], dst[at]), [new_hosts(end, fresh, at) for end in (src, dst)], window)
        self._contacts(told, few, (src[at], dst[at]), pair, source, met)
        # of pairs that memory does not know, by what their source has shown
        old = pair >= 0
        of = np.where(old[:, None], rows(memory.pair, pair), rows(memory.host_out, source))
        whose = ["this pair" if one else "the source" for one in old.tolist()]
        ranges(told, few.attributes.astype(np.float64), habit(x, of, mean, scale), few.missing, whose)
        if self.artifact.spec.flow_types:
            self._looks(told, few, rows(memory.pair_types, pair))
        again = found.times[found.of[at]].tolist()
        for facts, times in zip(told, again, strict=True):
            if times > 1:
                facts.append(f"{times:,} alerts of this pair in this window")
        return at, told

    def _contacts(
        self,
        told: list[list[str]],
        ends: Ends,
        keys: tuple[U64, U64],
        pair: I64,
        source: I64,
        met: list[list[str]],
    ) -> None:
        """Add facts on how often hosts and pairs were seen."""
        memory = self._memory
        assert memory is not None
        src, dst = keys
        old = np.flatnonzero(pair >= 0)
        for j, n in zip(old.tolist(), memory.pair[pair[old], 0].tolist(), strict=True):
            told[j].append(f"known pair: {counting(n)}")
        new = np.flatnonzero(pair < 0)
        back = find(memory.pair_key, pair_keys(dst[new], src[new]))
        there = find(memory.host_key, dst[new])
        sent = rows(memory.host_out[:, :1], source)[:, 0].tolist()
        got = rows(memory.host_in[:, :1], there)[:, 0].tolist()
        turned = rows(memory.pair[:, :1], back)[:, 0].tolist()
        near = self._neighbours(ends.dst_hi[new], ends.dst_lo[new], there)
        known = (source >= 0).tolist()
        first = f"first contact of this pair: none of the {self._total:,.0f} flows that count in memory"
        for i, (j, seen) in enumerate(zip(new.tolist(), (there >= 0).tolist(), strict=True)):
            facts = told[j]
            if turned[i]:
                other = counting(turned[i], " the other way round")
                facts.append(f"first contact in this direction: {other}")
            else:
                facts.append(first)
            facts += met[j]
            if not known[j]:
                facts.append("source never seen")
            elif sent[j] == 0:
                facts.append("no flow from this source in memory")
            if not seen:
                facts.append(f"destination never seen{near[i]}")
            else:
                facts.append(f"destination known: {counting(got[i], ' to it')}")

    def _met(self, keys: tuple[U64, U64], met: list[I64], window: int) -> list[list[str]]:
        """Facts on the hosts new to each flow's source and destination, ``met`` int64 [F] each."""
        told: list[list[str]] = [[] for _ in range(met[0].shape[0])]
        partners = self.artifact.partners if self.artifact.spec.partners else None
        for role, (key, number) in enumerate(zip(keys, met, strict=True)):
            memory, usual = self._memory, np.full(number.shape[0], -1.0)
            if partners is not None and memory is not None and self._total > 0:
                at = find(memory.host_key, key)
                row = np.maximum(at, 0)
                past = known_past(partners.past[row], memory.host_out[row, 0], memory.host_in[row, 0])
                past = np.where(at >= 0, past[:, role], np.float32(-1))
                usual = np.where(past >= 0, (past + 1.0) * window / self._total, -1.0)
            elif role:
                break
            several = np.flatnonzero(number > 1)
            columns = several.tolist(), number[several].tolist(), usual[several].tolist()
            for j, hosts, often in zip(*columns, strict=True):
                told[j].append(met_fact(hosts, role, often))
        return told

    def _neighbours(self, hi: U64, lo: U64, there: I64) -> list[str]:
        """Add facts on the prefixes of unknown hosts."""
        out = [""] * hi.shape[0]
        if self._prefixes is None or self._memory is None:
            return out
        four = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
        for key, names in zip(
            prefix_keys(hi, lo, self._memory.salt), (("/24", "/64"), ("/16", "/48")), strict=True
        ):
            at = find(self._prefixes.key, key)
            for i in np.flatnonzero((at >= 0) & (there < 0)).tolist():
                if not out[i]:
                    hosts = counted(self._prefixes.into[at[i], 0], "host")
                    out[i] = f"; {hosts} of its {names[0] if four[i] else names[1]} received flows"
        return out

    def _looks(self, told: list[list[str]], ends: Ends, types: F32) -> None:
        """Add the nearest flow type of each flow, and the most frequent one of its pair."""
        self._types = self._types or FlowTypes(self.artifact)
        names, nearest = self._types.names, self._types.nearest(ends.attributes, ends.missing)
        found = self._types.alike(nearest, ends.attributes, ends.missing)
        whole, usual = types.sum(1), types.argmax(1)
        shares = 100 * types.max(1, initial=0) / np.maximum(whole, np.finfo(np.float32).tiny)
        for facts, alike, near, most, share in zip(
            told, found, nearest.tolist(), usual.tolist(), shares.astype(np.int64).tolist(), strict=True
        ):
            others = (
                f"; {share} % of this pair's flows like {names[most]}" if share > 0 and near != most else ""
            )
            facts.append(alike + others)


def _ends(flows: Flows, index: I64, table: pa.Table) -> Ends | None:
    """Return addresses and attributes of chosen flows, parsed again where only their rows are left."""
    if not flows.src_lo[index].any() and not flows.dst_lo[index].any():
        from morpheus_gae.flows.exporters.convert import table_to_flows

        flows = table_to_flows(table).flows
        if len(flows) != index.shape[0]:
            return None
        index = np.arange(index.shape[0])
    return Ends(
        flows.src_hi[index], flows.src_lo[index], flows.dst_hi[index], flows.dst_lo[index],
        flows.attributes[index], flows.duration_missing[index],
    )  # fmt: skip
