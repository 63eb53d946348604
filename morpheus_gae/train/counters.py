"""Counters of the training traffic, with a flow's own contribution left out.

A flow that finds itself in memory teaches that everything has been seen. So in training the counters of a
window are read without the window's own flows, or without the whole fifth of the training time it lies in
(both are needed: the first shows familiar pairs, the second what a pair looks like when it is new).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.memory import existence_numbers, profile_numbers, seen_flags
from morpheus_gae.model.prefixes import fill, replaced
from morpheus_gae.model.sums import less, moments
from morpheus_gae.train.flow_types import Shares
from morpheus_gae.train.passes import add_rows, add_sums
from morpheus_gae.train.prefixes import ByPrefix, Kin
from morpheus_gae.train.spool import Spool, blocks

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
FOLDS = 5
FEW = 1 << 15
"""Flows whose types are held at a time."""
EVERY = slice(None)


def sums(index: npt.NDArray[np.integer], x: F32, size: int) -> F32:
    """float32 [size, 7]: flows, sums of x (3) and of x squared (3) by index."""
    out = np.zeros((size, 7))
    add_sums(index, x, out)
    return out.astype(np.float32)


@dataclass
class Counters:
    """Sums over the training flows, whole and by fold.

    Attributes
    ----------
    f
        float32 [E, 4] edge features of each flow.
    pair, fold
        int32 [E] pair of each flow, uint8 [E] fifth of the time it lies in, rising.
    pair_src, pair_dst, reverse
        int64 [Q] hosts of each pair; id of its reverse pair or -1.
    responsibilities
        float32 [E, K] of each flow, by slice.
    codes, code_pair
        int64 [Q] sorted ``src * H + dst`` and the pair of each: finds the id of any pair of hosts.
    by_pair, by_out, by_in
        float32 [1 + FOLDS, Q or H, 7]: entry 0 all training flows, entry 1 + k those of fold k.
    types
        float32 [1 + FOLDS, Q, K] summed responsibilities, likewise.
    by_prefix
        What stands in for hosts and pairs without history; None for a model that asks nothing of it.
    """

    f: F32
    pair: I32
    fold: U8
    hosts: int
    pair_src: I64
    pair_dst: I64
    responsibilities: F32 | Shares
    spool: Spool

    def __post_init__(self) -> None:
        q, h = self.pair_src.shape[0], self.hosts
        code = self.pair_src * h + self.pair_dst
        order = np.argsort(code)
        self.codes, self.code_pair = code[order], order
        self.reverse = self.find(self.pair_dst, self.pair_src)
        k = self.responsibilities[:1].shape[1]
        self.by_pair = self.spool.zeros((1 + FOLDS, q, 7), np.float32)
        self.types = self.spool.zeros((1 + FOLDS, q, k), np.float32)
        self.by_out, self.by_in = (np.zeros((1 + FOLDS, h, 7), np.float32) for _ in range(2))
        tables = self.by_pair, self.by_out, self.by_in
        whole = [np.zeros(t.shape[1:]) for t in tables]
        cuts = np.searchsorted(self.fold, np.arange(FOLDS + 1, dtype=np.uint8))
        for fold in range(FOLDS):
            of_fold = [np.zeros(t.shape[1:]) for t in tables]
            of_types = np.zeros((q, k))
            for part in blocks(int(cuts[fold + 1] - cuts[fold])):
                rows = slice(int(cuts[fold]) + part.start, int(cuts[fold]) + part.stop)
                pair, x = self.pair[rows], self.f[rows, :3]
                for at, index in enumerate((pair, self.pair_src[pair], self.pair_dst[pair])):
                    add_sums(index, x, whole[at])
                    add_sums(index, x, of_fold[at])
                for start in range(rows.start, rows.stop, FEW):
                    few = slice(start, min(start + FEW, rows.stop))
                    add_rows(self.pair[few], self.responsibilities[few], of_types)
            for table, found in zip(tables, of_fold, strict=True):
                table[1 + fold] = found
            self.types[1 + fold] = of_types
        for table, found in zip(tables, whole, strict=True):
            table[0] = found
        for part in blocks(q):
            self.types[0, part] = self.types[1:, part].sum(0)
        self.by_prefix: ByPrefix | None = None

    def sums_of(self, part: str, without: int | None = None, rows: slice | I64 = EVERY) -> F32:
        """Rows of ``by_out``, ``by_in``, ``by_pair`` or ``types``, over all flows or all folds but one."""
        tables: F32 = getattr(self, part)
        out: F32 = tables[0][rows]
        if part == "types":
            return out if without is None else np.maximum(out - tables[1 + without][rows], 0)
        return out if without is None else less(out, tables[1 + without][rows])

    def find(self, src: I64, dst: I64) -> I64:
        """int64 id of each pair of hosts, -1 where it has no flow."""
        code = src * self.hosts + dst
        at = np.minimum(np.searchsorted(self.codes, code), max(self.codes.shape[0] - 1, 0))
        return np.where(self.codes[at] == code, self.code_pair[at], -1)


@dataclass(frozen=True)
class Recalled:
    """Memory numbers of chosen pairs: float32 [R, 10], [R, 24], [R, K]."""

    existence: F32
    profile: F32
    types: F32


class View:
    """The counters as a window may see them.

    Parameters
    ----------
    counters
        Of all training flows.
    rows
        Slice of the window's flows.
    without
        ``"window"`` leaves its own flows out, an int the fold of that number.
    """

    def __init__(self, counters: Counters, rows: slice, without: str | int) -> None:
        self.c = counters
        self.fold = without + 1 if isinstance(without, int) else None
        self.window = without == "window"
        self.kin: Kin | None = None
        self.arrived: int | None = None
        if counters.by_prefix is not None:
            # without the window's fold in either case: its own flows must not vouch for it
            inside = int(counters.fold[rows.start]) if isinstance(without, str) else without
            self.kin = counters.by_prefix.arrived(inside)
            # who came in the fold is new in it, though he stayed: so newcomers are learnt
            self.arrived = None if self.window else inside
        if self.window:
            x, pair = counters.f[rows, :3], counters.pair[rows]
            self.own_pairs, at = np.unique(pair, return_inverse=True)
            self.own_pair = sums(at, x, self.own_pairs.shape[0])
            self.own_types = np.zeros((self.own_pairs.shape[0], counters.types.shape[2]), np.float32)
            np.add.at(self.own_types, at, counters.responsibilities[rows])
            self.own_srcs, at = np.unique(counters.pair_src[pair], return_inverse=True)
            self.own_out = sums(at, x, self.own_srcs.shape[0])
            self.own_dsts, at = np.unique(counters.pair_dst[pair], return_inverse=True)
            self.own_in = sums(at, x, self.own_dsts.shape[0])

    def _read(self, tables: F32, ids: I64, own_ids: npt.NDArray[np.integer] | None, own: F32 | None) -> F32:
        safe = np.maximum(ids, 0)
        out: F32 = tables[0][safe]
        without: Callable[[F32, F32], F32] = np.subtract if tables is self.c.types else less
        if self.fold is not None:
            out = without(out, tables[self.fold][safe])
        if own_ids is not None and own is not None:
            at = np.minimum(np.searchsorted(own_ids, safe), own_ids.shape[0] - 1)
            out = without(out, np.where((own_ids[at] == safe)[:, None], own[at], 0))
        out[ids < 0] = 0
        return out

    def recall(
        self, pair: I64, reverse: I64, src: I64, dst: I64, like: tuple[I64, I64] | None = None
    ) -> Recalled:
        """Numbers of pairs given by ids; -1 stands for an unknown pair or host.

        ``like`` are hosts of the same prefixes as sources and destinations, by default these.
        """
        c, w, of = self.c, self.window, self.c.by_prefix
        like_src, like_dst = (src, dst) if like is None else like
        if of is not None and self.arrived is not None:
            pair, reverse = (np.where(of.first_pair[a] == self.arrived, -1, a) for a in (pair, reverse))
            src, dst = (np.where(of.first_host[a] == self.arrived, -1, a) for a in (src, dst))
        p = self._read(c.by_pair, pair, self.own_pairs if w else None, self.own_pair if w else None)
        r = self._read(c.by_pair, reverse, self.own_pairs if w else None, self.own_pair if w else None)
        outs, own_out = (self.own_srcs, self.own_out) if w else (None, None)
        ins, own_in = (self.own_dsts, self.own_in) if w else (None, None)
        so, do = self._read(c.by_out, src, outs, own_out), self._read(c.by_out, dst, outs, own_out)
        si, di = self._read(c.by_in, src, ins, own_in), self._read(c.by_in, dst, ins, own_in)
        types = self._read(c.types, pair, self.own_pairs if w else None, self.own_types if w else None)
        types = np.maximum(types, 0)
        p, r, so, si, do, di = (moments(a) for a in (p, r, so, si, do, di))
        seen = seen_flags(p[:, 0], r[:, 0], so[:, 0], si[:, 0], do[:, 0], di[:, 0])
        if of is not None and self.kin is not None:
            kin, alone = self.kin, (p[:, 0] == 0, r[:, 0] == 0)
            group, back = of.find(kin, src, dst, like_src, like_dst)
            group, back = np.where(alone[0], group, -1), np.where(alone[0] & alone[1], back, -1)
            of_src, of_dst = (
                np.where(a[:, 0] + b[:, 0] == 0, of.prefix_of(kin, host), -1)
                for a, b, host in ((so, si, like_src), (do, di, like_dst))
            )
            p, r, types = fill(p, kin.pair, group), fill(r, kin.pair, back), fill(types, kin.types, group)
            so, si = fill(so, kin.out, of_src), fill(si, kin.into, of_src)
            do, di = fill(do, kin.out, of_dst), fill(di, kin.into, of_dst)
            seen = replaced(seen, (kin.pair_seen, kin.seen), group, back, of_src, of_dst)
        return Recalled(
            existence=existence_numbers(p[:, 0], r[:, 0], so[:, 0], si[:, 0], do[:, 0], di[:, 0], seen),
            profile=profile_numbers(p, so, di),
            types=types,
        )
