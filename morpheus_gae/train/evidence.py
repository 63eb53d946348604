"""Learn what the other flows of benign windows show: the normalisers of `model.evidence`.

From surprises of training flows that the memory did not know when it scored them. What is expected of an
entity in one fold of the time comes from the other folds, so that the calibration meets windows as scoring
will. Labels are never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.evidence import Evidence, raises
from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.train import activity
from morpheus_gae.train.calibrate import again, tensors_of
from morpheus_gae.train.normal import Normal, Seen
from morpheus_gae.train.parent import Shown
from morpheus_gae.train.spool import blocks

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]


def settle(
    flows: Flows,
    surprise: F32,
    fold: U8,
    chosen: Bool,
    remembered: Bool,
    memory: dict[str, Array],
    size: int,
    before: Shown | None = None,
    without: Callable[[int], dict[str, Array]] | None = None,
) -> tuple[dict[str, Array], F32]:
    """Tensors of the evidence, its calibration among them, and the surprises that come of it.

    Parameters
    ----------
    flows, surprise, fold, chosen, remembered, memory, size, before
        See ``learn``.
    without
        Memory without a fold: with what counts add, and its tensors (`train.activity`).
    """
    tensors, raised = learn(flows, surprise, fold, chosen, remembered, memory, size, before)
    if without is not None:
        more, added = activity.settle(flows, fold, chosen, without, size)
        tensors, raised = {**tensors, **more}, raised + added
    tail = again(raised[chosen])
    return {**tensors, **tensors_of("evidence", tail)}, tail(raised)


def learn(
    flows: Flows,
    surprise: F32,
    fold: U8,
    chosen: Bool,
    remembered: Bool,
    memory: dict[str, Array],
    size: int,
    before: Shown | None = None,
) -> tuple[dict[str, Array], F32]:
    """Normalisers, and what the flows come to with them.

    Parameters
    ----------
    flows
        All training flows, in time order.
    surprise
        float32 [E] calibrated, each by a memory that did not know the flow's fold.
    fold
        uint8 [E] fold of the time, rising.
    chosen
        bool [E]: scored, and not set aside. Others are in nobody's past and in no curve.
    remembered
        bool [E]: in memory.
    memory
        The artifact's tensors.
    size
        Flows of a window.
    before
        What a parent's memory and evidence say of the rows.

    Returns
    -------
    dict, float32 [E]
        Tensors ``evidence.*``; surprise plus what the windows add, not mapped yet (the plain surprise of
        flows that are not chosen).
    """
    seen = list(
        _windows(flows, fold, chosen, remembered, memory, size, None if before is None else before.known)
    )
    pairs, hosts = memory["memory.pair_key"].shape[0], memory["memory.host_key"].shape[0]
    normal = Normal(seen, surprise, pairs, hosts, before)
    out = surprise.astype(np.float32, copy=True)
    # one fold after the other: what is expected takes as much room as memory
    for k in range(int(fold.max(initial=0)) + 1):
        without = normal.model(k)
        for s in (s for s in seen if s.fold == k):
            known = np.where(s.known, s.pair, -1)
            out[s.rows] += raises(without, surprise[s.rows], s.pair_of, s.pair_src, known, s.host)
    return _tensors(normal.model(None)), out


def _tensors(e: Evidence) -> dict[str, Array]:
    return {
        "evidence.pair": e.pair,
        "evidence.source": e.source,
        "evidence.prior": np.array([e.unknown, e.flows, e.pairs, e.window], np.float32),
        "evidence.new.x": e.new_x,
        "evidence.new.y": e.new_y,
    }


def _windows(
    flows: Flows,
    fold: U8,
    chosen: Bool,
    remembered: Bool,
    memory: dict[str, Array],
    size: int,
    before: Bool | None,
) -> Iterator[Seen]:
    salt, folds = int(memory["memory.salt"][0]), int(fold.max(initial=0)) + 1
    host_key, pair_key = memory["memory.host_key"], memory["memory.pair_key"]
    inside = np.zeros((folds, pair_key.shape[0]), np.int32)
    seen = []
    for k in range(folds):
        for scored in (True, False):
            # most flows are scored and in memory, and are looked up once
            rows = np.flatnonzero((fold == k) & (chosen if scored else remembered & ~chosen)).astype(np.int32)
            for cut in blocks(rows.shape[0], size):
                part = rows[cut]
                graph = build_graph(flows.take(part))
                key = host_keys(graph.host_hi, graph.host_lo, salt)
                pair = find(pair_key, pair_keys(key[graph.pair_src], key[graph.pair_dst])).astype(np.int32)
                mine = pair[graph.pair[remembered[part]]]
                np.add.at(inside[k], mine[mine >= 0], 1)
                if scored:
                    host = find(host_key, key).astype(np.int32)
                    seen.append(Seen(k, part, graph.pair, graph.pair_src, pair, host, pair >= 0))
    whole = inside.sum(0, dtype=np.int32)
    for s in seen:
        row = np.maximum(s.pair, 0)
        # not where only this fold put the pair into memory
        if not pair_key.shape[0]:
            s.known[:] = False
        else:
            elsewhere = whole[row] > inside[s.fold][row]
            s.known[:] &= elsewhere if before is None else elsewhere | before[row]
        yield s
