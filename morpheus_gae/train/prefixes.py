"""Counters by prefix of the training traffic, whole and without one fifth of the time, see `model.prefixes`.

A window of training sees the kin of its new hosts and pairs as scoring will: without the fifth of the time
that it lies in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.memory import pair_keys
from morpheus_gae.model.prefixes import FEWEST, MOST_TYPES, prefix_keys
from morpheus_gae.model.sums import moments
from morpheus_gae.train.passes import add_rows
from morpheus_gae.train.spool import blocks

if TYPE_CHECKING:
    from morpheus_gae.train.counters import Counters

Array = npt.NDArray[Any]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

LEAST = 0.1
"""Flows from which on one is there: those of a model that training goes on from count in parts."""


class Kin:
    """Tables of one choice of flows, by number of prefix [R] and of group [G]; rows of too few are zeros.

    Attributes
    ----------
    out, into, seen, pair, pair_seen, types
        As in ``model.prefixes.Prefixes``.
    there, held
        bool [R], [G]: rows of enough.
    """

    def __init__(self, of: ByPrefix, without: int | None, arrived: bool) -> None:
        counters = of.counters
        out, into = (counters.sums_of(part, without) for part in ("by_out", "by_in"))
        if arrived:
            out, into = (np.where((of.first_host == without)[:, None], 0, t) for t in (out, into))
        sends, receives = out[:, 0] > LEAST, into[:, 0] > LEAST
        senders, receivers, members = (of.count(m) for m in (sends, receives, sends | receives))
        self.there = members >= FEWEST
        self.out, self.into = moments(of.sum(out), senders), moments(of.sum(into), receivers)
        # what the fold that is left out had is not known
        once = (of.folds - (of.inside[without] if without is not None else 0) == 1) & (sends | receives)
        self.seen = (-of.count(once) / np.maximum(members, 1) - of.wide).astype(np.float32)
        # one more, for pairs that nobody is alike
        distinct, total, kinds = (np.zeros((of.size + 1, n)) for n in (1, 7, counters.types.shape[2]))
        for part in blocks(of.first_pair.shape[0]):
            here = counters.sums_of("by_pair", without, part)
            types = counters.sums_of("types", without, part)
            if arrived:
                gone = of.first_pair[part] == without
                here[gone], types[gone] = 0, 0
            for group in of.groups:
                add_rows(group[part], (here[:, :1] > LEAST).astype(np.float32), distinct)
                add_rows(group[part], here, total)
                add_rows(group[part], types, kinds)
        self.held = distinct[:-1, 0] >= FEWEST
        self.pair = moments(total[:-1], distinct[:-1, 0])
        possible = np.maximum(np.where(of.to_prefix, receivers[of.prefix], senders[of.prefix]), 1)
        share = np.minimum(self.pair[:, 0] / possible, 1)
        self.pair_seen = (-share - of.wide[of.prefix]).astype(np.float32)
        self.types = counters.spool.zeros((of.size, kinds.shape[1]), np.float32)
        for part in blocks(of.size):
            many = np.maximum(kinds[part].sum(1, keepdims=True), 1e-9)
            share = np.minimum(np.minimum(distinct[part], MOST_TYPES) / many, 1)
            self.types[part] = kinds[part] * share * self.held[part, None]
        for table in (self.out, self.into, self.seen):
            table[~self.there] = 0
        for table in (self.pair, self.pair_seen):
            table[~self.held] = 0


class ByPrefix:
    """Groups of hosts and pairs alike, and their tables.

    Parameters
    ----------
    counters
        Of the training flows.
    host_hi, host_lo
        Addresses of the hosts.
    folds
        Of the time.

    Attributes
    ----------
    narrow, wide_of
        int64 [H] numbers of each host's prefixes, below R.
    wide
        bool [R].
    codes
        int64 [G], sorted: which end is which prefix, and which host the other is; of several pairs each.
    size
        G.
    groups
        int32 [Q] three times: group of each pair, by its narrow source, narrow destination and wide source; G
        where it is alone.
    prefix, to_prefix
        int64, bool [G]: the prefix of a group, and whether it is at the destination.
    first_host, first_pair
        int8 [H], [Q]: the fold in which each came, if that is not the first one, else -1.
    """

    def __init__(self, counters: Counters, host_hi: U64, host_lo: U64, folds: int) -> None:
        self.counters = counters
        # whatever the salt, only which are equal counts
        ids = [np.unique(key, return_inverse=True)[1] for key in prefix_keys(host_hi, host_lo, 0)]
        ids = [number.reshape(-1).astype(np.int64) for number in ids]
        narrow = int(ids[0].max()) + 1
        self.narrow, self.wide_of = ids[0], ids[1] + narrow
        self.prefixes = int(self.wide_of.max()) + 1
        self.wide = np.arange(self.prefixes) >= narrow
        src, dst = counters.pair_src, counters.pair_dst
        every = self._codes(src, dst, self.narrow[src], self.narrow[dst], self.wide_of[src])
        found = [np.unique(code, return_index=True, return_counts=True) for code in every]
        several = [count >= FEWEST for _, _, count in found]
        # the kinds' codes ascend from one to the next
        order = np.argsort(np.concatenate([k[0][many] for k, many in zip(found, several, strict=True)]))
        self.codes, self.pair, kind = (
            np.concatenate(parts)[order]
            for parts in (
                [k[0][many] for k, many in zip(found, several, strict=True)],
                [k[1][many] for k, many in zip(found, several, strict=True)],
                [np.full(int(many.sum()), i) for i, many in enumerate(several)],
            )
        )
        self.size = self.codes.shape[0]
        self.groups = [self._numbered(code) for code in every]
        self.to_prefix = kind == 1
        ends = self.narrow[src[self.pair]], self.narrow[dst[self.pair]], self.wide_of[src[self.pair]]
        self.prefix = np.choose(kind, ends)
        self.inside = np.stack([self._in_fold(k, "by_out", "by_in") for k in range(folds)])
        self.folds = self.inside.sum(0)
        self.first_host = self._first(self.inside, "by_out", "by_in")
        of_pairs = np.stack([self._in_fold(k, "by_pair") for k in range(folds)])
        self.first_pair = self._first(of_pairs, "by_pair")
        self._arrived: dict[int, Kin] = {}

    def _in_fold(self, fold: int, *parts: str) -> Array:
        return np.asarray(sum(getattr(self.counters, p)[1 + fold, :, 0] for p in parts) > LEAST)

    def _first(self, inside: Array, *parts: str) -> Array:
        """int8 [N] first fold of each that is in it, bool [FOLDS, N]; -1 for those that were there before."""
        first = inside.argmax(0)
        tables = [getattr(self.counters, p)[:, :, 0] for p in parts]
        # what a model that training goes on from remembers is of no fold
        before = sum(t[0] - t[1:].sum(0) for t in tables) > LEAST
        return np.where((first > 0) & ~before, first, -1).astype(np.int8)

    def _codes(self, src: I64, dst: I64, of_src: I64, of_dst: I64, wide: I64) -> tuple[I64, I64, I64]:
        n = max(self.counters.hosts, self.prefixes)
        return of_src * n + dst, (of_dst + self.prefixes) * n + src, wide * n + dst

    def _numbered(self, code: I64) -> Array:
        """int32 group of each code; that behind the last one for those of none."""
        if not self.size:
            return np.zeros(code.shape, np.int32)
        at = np.minimum(np.searchsorted(self.codes, code), self.size - 1)
        return np.where(self.codes[at] == code, at, self.size).astype(np.int32)

    def arrived(self, without: int) -> Kin:
        """Tables of all folds but one, of hosts and pairs that did not come in that one."""
        if without not in self._arrived:
            self._arrived[without] = Kin(self, without, True)
        return self._arrived[without]

    def count(self, chosen: Array) -> F64:
        """float64 [R] chosen hosts of each prefix."""
        parts = (np.bincount(of[chosen], minlength=self.prefixes) for of in (self.narrow, self.wide_of))
        return np.asarray(sum(parts), np.float64)

    def sum(self, table: Array) -> F64:
        """float64 [R, C] sums of rows of hosts."""
        out = np.zeros((self.prefixes, table.shape[1]))
        for of in (self.narrow, self.wide_of):
            add_rows(of, table, out)
        return out

    def find(self, kin: Kin, src: I64, dst: I64, like_src: I64, like_dst: I64) -> tuple[I64, I64]:
        """Groups in place of pairs and of their reverses, -1 where there are none.

        Parameters
        ----------
        kin
            That must hold them.
        src, dst
            int64 [P] hosts, -1 for unknown ones.
        like_src, like_dst
            int64 [P] hosts of the same prefixes, -1 for prefixes that are unknown.
        """
        of_src, of_dst, wide = self.narrow[like_src], self.narrow[like_dst], self.wide_of[like_src]
        known = (like_src >= 0) & (dst >= 0), (src >= 0) & (like_dst >= 0)
        codes = self._codes(src, dst, of_src, of_dst, wide)
        narrow, back, wider = (self._held(kin, c, known[i]) for c, i in zip(codes, (0, 1, 0), strict=True))
        return np.where(narrow >= 0, narrow, wider), back

    def _held(self, kin: Kin, code: I64, known: Array) -> I64:
        at = self._numbered(code)
        held = np.append(kin.held, False)[at] & known
        return np.where(held, at, -1).astype(np.int64)

    def prefix_of(self, kin: Kin, like: I64) -> I64:
        """int64 prefix in place of each host, -1 where there is none; ``like`` as in `find`."""
        narrow, wide = self.narrow[like], self.wide_of[like]
        best = np.where(kin.there[narrow], narrow, np.where(kin.there[wide], wide, -1))
        return np.where(like < 0, -1, best)

    def tensors(self, keys: U64, networks: tuple[U64, U64], without: int | None) -> dict[str, Array]:
        """The tensors ``prefix.*`` of an artifact, never without a row.

        Parameters
        ----------
        keys, networks
            uint64 [H] salted keys of the hosts and of their prefixes.
        without
            Fold that is left out.
        """
        kin = Kin(self, without, False)
        key = np.zeros(self.prefixes, np.uint64)
        key[self.narrow], key[self.wide_of] = networks
        src, dst = (keys[end[self.pair]] for end in (self.counters.pair_src, self.counters.pair_dst))
        network = key[self.prefix]
        code = np.where(self.to_prefix, pair_keys(src, network), pair_keys(network, dst))
        row, group = (np.flatnonzero(held) for held in (kin.there, kin.held))
        row, group = row[np.argsort(key[row])], group[np.argsort(code[group])]
        types = kin.types[group].astype(np.float16)
        tensors: dict[str, Array] = {
            "prefix.key": key[row], "prefix.out": kin.out[row], "prefix.in": kin.into[row],
            "prefix.seen": kin.seen[row], "prefix.pair_key": code[group], "prefix.pair": kin.pair[group],
            "prefix.pair_seen": kin.pair_seen[group], "prefix.pair_types": types,
        }  # fmt: skip
        # no executor takes an empty table: one row of nobody's key, which says nothing
        return {n: t if t.shape[0] else np.zeros((1, *t.shape[1:]), t.dtype) for n, t in tensors.items()}
