"""Gather: weights and counters as the tensors of an artifact."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.enriched import tensors_of
from morpheus_gae.model.gae import GAE
from morpheus_gae.model.lift import shares_of
from morpheus_gae.model.memory import host_keys, pair_keys
from morpheus_gae.model.prefixes import prefix_keys
from morpheus_gae.model.sums import moments
from morpheus_gae.train.counters import EVERY, FOLDS, Counters
from morpheus_gae.train.parent import Parent
from morpheus_gae.train.prepare import Prepared
from morpheus_gae.train.returned import shares
from morpheus_gae.train.spool import blocks

Array = npt.NDArray[Any]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


def gather(
    net: GAE, data: Prepared, counters: Counters, seed: int, parent: Parent | None = None
) -> dict[str, Array]:
    """Everything an executor needs but the calibration, as arrays by name; memory is of all flows."""
    tensors: dict[str, Array] = {f"net.{k}": v.detach().numpy().copy() for k, v in net.state_dict().items()}
    tensors["scale.mean"], tensors["scale.std"] = data.mean, data.scale
    if net.spec.flow_types:
        for i, edges in enumerate(data.edges):
            tensors[f"bins.edges{i}"] = edges
        for i, group in enumerate(data.groups):
            tensors[f"bins.group{i}"] = group.astype(np.int32)
    if data.extra is not None:
        tensors.update(tensors_of(data.extra.known))
    if net.spec.memory:
        tensors.update(memory_of(data, counters, seed, parent=parent, partners=net.spec.partners))
    if net.spec.lift:
        tensors["lift.share"] = shares_of(tensors["memory.pair_types"])
    return tensors


def memory_of(
    data: Prepared,
    counters: Counters,
    seed: int,
    without: int | None = None,
    parent: Parent | None = None,
    partners: bool = False,
) -> dict[str, Array]:
    """The tensors of memory; a burst counts once (`returned`).

    Parameters
    ----------
    data, counters
        Of the flows that were learnt from.
    seed
        Of the salt.
    without
        Fold of the training time that memory is to know nothing of.
    parent
        Whose memory it goes on from; its part of the graph's pairs is in the counters.
    partners
        With the hosts' first meetings.
    """
    salt = int(np.random.default_rng([seed, 7]).integers(1 << 63)) if parent is None else parent.salt
    keys = host_keys(data.graph.host_hi, data.graph.host_lo, salt)
    out, into = (_counted(counters, part, without)[0] for part in ("by_out", "by_in"))
    hosts = np.flatnonzero(out[:, 0] + into[:, 0] > 0)
    hosts = hosts[np.argsort(keys[hosts])]
    code = pair_keys(keys[counters.pair_src], keys[counters.pair_dst])
    pairs = np.flatnonzero(counters.sums_of("by_pair", without)[:, 0] > 0)
    pairs = pairs[np.argsort(code[pairs])]
    pair = np.empty((pairs.shape[0], 7), np.float32)
    types = np.empty((pairs.shape[0], counters.types.shape[2]), np.float16)
    for part in blocks(pairs.shape[0]):
        pair[part], share = _counted(counters, "by_pair", without, pairs[part])
        types[part] = np.minimum(counters.sums_of("types", without, pairs[part]) * share[:, None], 6e4)
    memory: dict[str, Array] = {
        "memory.salt": np.array([salt], np.uint64),
        "memory.host_key": keys[hosts],
        "memory.host_out": out[hosts],
        "memory.host_in": into[hosts],
        "memory.pair_key": code[pairs],
        "memory.pair": pair,
        "memory.pair_types": types,
    }
    if partners:
        memory["partners.past"] = _first_meetings(counters, code, without, parent)[hosts]
    if counters.by_prefix is not None:
        networks = prefix_keys(data.graph.host_hi, data.graph.host_lo, salt)
        memory |= counters.by_prefix.tensors(keys, networks, without)
    return memory if parent is None else parent.joined(memory)


def _first_meetings(counters: Counters, code: U64, without: int | None, parent: Parent | None) -> F32:
    """float32 [H, 2] pairs of each host, by role, that one fifth of the training time alone has.

    A memory without that fifth would not know them: as many are to be expected of the time to come. ``code``,
    uint64 [Q], are the pairs' keys.
    """
    several = np.zeros(code.shape[0], np.int8)
    for fold in range(FOLDS):
        if fold != without:
            several += counters.by_pair[1 + fold][:, 0] > 0
    once = several == 1
    if parent is not None:
        once &= ~parent.remembers(code)
    ends = counters.pair_src[once], counters.pair_dst[once]
    return np.stack([np.bincount(end, minlength=counters.hosts) for end in ends], 1).astype(np.float32)


def _counted(
    counters: Counters, part: str, without: int | None, rows: slice | I64 = EVERY
) -> tuple[F32, F32]:
    """Return what memory counts of rows of ``by_pair``, ``by_out`` or ``by_in``, and which share that is.

    Returns
    -------
    float32 [R, 7], float32 [R]
        Flows that count, mean and standard deviation of their attributes; their share of all flows.
    """
    tables: F32 = getattr(counters, part)
    known = [1 + fold for fold in range(FOLDS) if fold != without]
    sums = counters.sums_of(part, without, rows)
    share = shares(sums[:, 0], np.stack([tables[i][rows, 0] for i in known[:-1]]))
    out = moments(sums)
    out[:, 0] *= share
    return out, share
