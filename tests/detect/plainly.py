"""Explanations in plain Python, fact by fact: what the compiled code is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.fact_words import PRESENT, TIMES, UNITS
from morpheus_gae.detect.flow_types import types_of
from morpheus_gae.detect.habits import FEWEST, FINEST, WITHIN
from morpheus_gae.detect.type_kernels import NEARLY, NONE
from morpheus_gae.detect.type_kernels import TIMES as FAR
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.bins import MISSING, bin_of
from morpheus_gae.model.calibration import fuse
from morpheus_gae.model.features import CLIP, edge_features
from morpheus_gae.model.memory import find, host_keys, pair_keys, rows
from morpheus_gae.model.partners import known_past
from morpheus_gae.model.prefixes import prefix_keys

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
WHOSE = ("this pair", "the source")


def facts_of(artifact: Artifact, flows: Flows, window: int) -> list[list[str]]:
    """The facts of flows that are all flagged, in a window of so many."""
    memory = artifact.memory
    src = host_keys(flows.src_hi, flows.src_lo, memory.salt)
    dst = host_keys(flows.dst_hi, flows.dst_lo, memory.salt)
    code, turned = pair_keys(src, dst), pair_keys(dst, src)
    pair, source, there = find(memory.pair_key, code), find(memory.host_key, src), find(memory.host_key, dst)
    back = rows(memory.pair, find(memory.pair_key, turned))[:, 0]
    usual = [_usual(artifact, key, role, window) for role, key in enumerate((src, dst))]
    total = float(memory.pair[:, 0].sum(dtype=np.float64))
    new = {(s, d) for s, d, p in zip(src.tolist(), dst.tolist(), pair.tolist(), strict=True) if p < 0}
    looks = _looks(artifact, flows, pair) if artifact.spec.flow_types else [None] * len(flows)
    out = []
    for i in range(len(flows)):
        told: list[str] = []
        if pair[i] >= 0:
            told.append(f"known pair: {counting(memory.pair[pair[i], 0])}")
        else:
            if back[i]:
                told.append(f"first contact in this direction: {counting(back[i], ' the other way round')}")
            else:
                of = f"none of the {total:,.0f} flows that count in memory"
                told.append(f"first contact of this pair: {of}")
            met = sum(s == src[i] for s, _ in new), sum(d == dst[i] for _, d in new)
            whom = f"the source with {met[0]:,} hosts", f"{met[1]:,} hosts with the destination"
            for role in range(2 if usual[0] is not None else 1):
                if met[role] > 1:
                    beside = "" if usual[role] is None else usual[role][i]
                    told.append(f"first contacts of {whom[role]} in this window's alerts{beside}")
            if source[i] < 0:
                told.append("source not in memory")
            elif memory.host_out[source[i], 0] == 0:
                told.append("no flow from this source in memory")
            if there[i] < 0:
                told.append(f"destination not in memory{_network(artifact, flows, i)}")
            else:
                told.append(f"destination known: {counting(memory.host_in[there[i], 0], ' to it')}")
        known = (
            rows(memory.pair, pair[i : i + 1]) if pair[i] >= 0 else rows(memory.host_out, source[i : i + 1])
        )
        told += _ranges(artifact, flows, i, known[0], WHOSE[0 if pair[i] >= 0 else 1])
        told += [] if looks[i] is None else [looks[i]]
        times = int((code == code[i]).sum())
        told += [f"{times:,} alerts of this pair in this window"] if times > 1 else []
        out.append(told)
    return out


def counting(number: float, which: str = "") -> str:
    number = float(number)
    if number < 0.5:
        return f"less than one flow{which} counts in memory"
    one = round(number) == 1
    return f"{round(number):,} flow{'' if one else 's'}{which} {'counts' if one else 'count'} in memory"


def figure(value: float) -> str:
    whole = round(value)
    return f"{whole:,}" if abs(value - whole) < 5e-4 else f"{value:,.3f}"


def percentiles_of(artifact: Artifact, flows: Flows) -> F64:
    """Percentiles of pair and source, [F, 2]."""
    memory, t = artifact.memory, artifact.tensors
    src = host_keys(flows.src_hi, flows.src_lo, memory.salt)
    code = pair_keys(src, host_keys(flows.dst_hi, flows.dst_lo, memory.salt))
    x = edge_features(flows.attributes, flows.duration_missing, t["scale.mean"], t["scale.std"])[:, :3]
    out = np.full((len(flows), 2), np.nan)
    tables = (memory.pair, find(memory.pair_key, code)), (memory.host_out, find(memory.host_key, src))
    for column, (table, at) in enumerate(tables):
        known = rows(table, at).astype(np.float64)
        total = (((x - known[:, 1:4]) / np.maximum(known[:, 4:], FINEST)) ** 2).sum(1)
        some = (known[:, 0] >= FEWEST) & (total > 3)
        n = known[some, 0]
        share = np.minimum(1 - 3 / total[some], n / (n + 1))
        out[some, column] = np.floor(1e4 * share) / 100
    return out


def contributions_of(artifact: Artifact, scores: Scores) -> F64:
    """Contributions before they are rounded, [F, 4]."""
    pair, flow = scores.pair_part, scores.flow_part
    own = artifact.tail("fused")(fuse(pair, flow) if artifact.spec.flow_types else pair).astype(np.float64)
    p, f = pair.astype(np.float64), flow.astype(np.float64)
    p, f = np.where(p >= f, p, 0.01 * p), np.where(p >= f, 0.01 * f, f)
    p[p + f <= 0] = 1
    counts, added = np.zeros(p.shape[0]), np.zeros(p.shape[0])
    if scores.graph_part is not None:
        added = scores.graph_part.astype(np.float64)
        if scores.activity_part is not None:
            counts = np.minimum(scores.activity_part, added)
    out = np.stack([own * p / (p + f), own * f / (p + f), counts, added - counts], 1)
    out[out.sum(1) <= 0, 0] = 1
    return np.asarray(out * (scores.surprise / out.sum(1))[:, None], np.float64)


def _usual(artifact: Artifact, key: npt.NDArray[np.uint64], role: int, window: int) -> list[str] | None:
    memory = artifact.memory
    total = float(memory.pair[:, 0].sum(dtype=np.float64))
    if not artifact.spec.partners or not total > 0:
        return None
    past = known_past(artifact.partners.past, memory.host_out[:, 0], memory.host_in[:, 0])[:, role]
    out = []
    for at in find(memory.host_key, key).tolist():
        often = (
            -1.0 if at < 0 or past[at] < 0 else float((past[at] + 1) * np.float32(window) / np.float32(total))
        )
        number = "fewer than 1" if often < 0.5 else f"about {round(often):,}"
        out.append(f", usually {number} in a window of this size" if often >= 0 else "")
    return out


def _network(artifact: Artifact, flows: Flows, i: int) -> str:
    prefixes = artifact.prefixes
    if prefixes is None:
        return ""
    hi, lo = flows.dst_hi[i : i + 1], flows.dst_lo[i : i + 1]
    four = hi[0] == 0 and lo[0] >> np.uint64(32) == 0xFFFF
    names = ("/24", "/16") if four else ("/64", "/48")
    for key, name in zip(prefix_keys(hi, lo, artifact.memory.salt), names, strict=True):
        at = find(prefixes.key, key)[0]
        if at >= 0:
            n = round(float(prefixes.into[at, 0]))
            return f"; {n:,} host{'' if n == 1 else 's'} of its {name} received flows"
    return ""


def _ranges(artifact: Artifact, flows: Flows, i: int, row: Any, whose: str) -> list[str]:
    known, told = row.astype(np.float64), []
    mean, scale = artifact.tensors["scale.mean"], artifact.tensors["scale.std"]
    one = slice(i, i + 1)
    x = edge_features(flows.attributes[one], flows.duration_missing[one], mean, scale)[0, :3]
    n = 0 if known[0] < 1.5 and (known[4:] > 0).any() else round(known[0])
    for k, unit in enumerate(UNITS):
        spread = max(known[4 + k], FINEST)
        away = abs(x[k] - known[1 + k]) / spread
        beyond = [(times, percent) for times, percent in WITHIN if away > 1.01 * times]
        if not known[0] > 0 or not beyond or (k == 2 and flows.duration_missing[i]):
            continue
        times, percent = beyond[0]
        ends = np.array([known[1 + k] - times * spread, known[1 + k] + times * spread])
        if ends[0] <= -CLIP or ends[1] >= CLIP:
            continue
        ends = np.maximum(np.expm1(np.clip(ends, -CLIP, CLIP) * scale[k] + mean[k]), [0, -np.inf])
        step = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(ends, 1.0))) - 3, 0)
        low, high = np.floor(ends[0] / step[0]) * step[0], np.ceil(ends[1] / step[1]) * step[1]
        value = float(flows.attributes[i, k])
        if low <= value <= high:
            continue
        had = f"{low:,.0f}" if low == high else f"{low:,.0f}-{high:,.0f}"
        of = f"at least {percent} % of the flows of {whose}"
        if n == 1:
            of = f"all of {whose} in memory, which counts as one flow,"
        counted = f" ({n:,} count in memory)" if n > 1 else ""
        told.append(f"{figure(value)} {unit}, where {of} had {had}{counted}")
    return told


def _looks(artifact: Artifact, flows: Flows, pair: I64) -> list[Any]:
    names, types = types_of(artifact)
    duration = np.where(flows.duration_missing, MISSING, flows.attributes[:, 2])
    b = [
        bin_of(edges, np.ascontiguousarray(column))
        for edges, column in zip(
            (types.edges0, types.edges1, types.edges2), (*flows.attributes.T[:2], duration), strict=True
        )
    ]
    like = types.log0[b[0]] + types.log1[types.group0[b[0]], b[1]] + types.log2[types.group1[b[1]], b[2]]
    kept = rows(artifact.memory.pair_types, pair)
    out = []
    for i, best in enumerate(like.argmax(1).tolist()):
        times: list[float] = []
        for more in (True, False):
            for k in range(3):
                v, low, high = float(flows.attributes[i, k]), types.low[best, k], types.high[best, k]
                told = 1.0
                if more and v > max(high * NEARLY, NONE):
                    told = v / high if high > NONE else np.inf
                if not more and low > NONE and v < low / NEARLY:
                    told = low / v if v > NONE else np.inf
                times.append(1.0 if k == 2 and (flows.duration_missing[i] or high <= 0) else told)
        far = [
            f"{t:,.0f} times {TIMES[j]}" if t < np.inf else PRESENT[j]
            for j, t in enumerate(times)
            if t >= FAR
        ]
        said = f"{'looks like' if max(times) <= 1 else 'nearest to'} {names[best]}"
        said += f", but {', '.join(far)}" if far else ""
        usual = int(kept[i].argmax())
        share = int(100 * kept[i].max() / np.maximum(kept[i].sum(), np.finfo(np.float32).tiny))
        if share > 0 and usual != best:
            said += f"; {share} % of this pair's flows like {names[usual]}"
        out.append(said)
    return out
