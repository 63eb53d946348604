"""Grow: tables of rows by 64-bit key that take new keys as they come, and give rows up when they are full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.memory import fill, probe

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]
Columns = Mapping[str, tuple[str, tuple[int, ...]]]

LEAST = 1024


@njit(cache=True, nogil=True)
def enlist(keys: U64, table: U64, size: int, slots: I32, out: I32) -> int:
    """Row of each key, written to ``out``; keys that are new are put after the last row.

    Parameters
    ----------
    keys
        uint64 [N], well mixed.
    table, slots
        Keys by row, with room for N more; an open-addressing table at least twice as large.
    size
        Rows so far.

    Returns
    -------
    int
        Rows afterwards.
    """
    mask = np.uint64(slots.shape[0] - 1)
    for i in range(keys.shape[0]):
        key = keys[i]
        at = key & mask
        row = slots[at]
        while row >= 0 and table[row] != key:
            at = (at + np.uint64(1)) & mask
            row = slots[at]
        if row < 0:
            row = size
            slots[at] = row
            table[row] = key
            size += 1
        out[i] = row
    return size


class HashTable:
    """Columns of numbers with a row for each key.

    Parameters
    ----------
    columns
        Type and shape of a row, for each column; a new row is zeros.

    Attributes
    ----------
    size
        Rows in use; ``self["name"]`` is a view of these.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = dict(columns)
        self.size = 0
        self._keys: U64 = np.zeros(0, np.uint64)
        self._held: dict[str, npt.NDArray[Any]] = {}
        self._allot(LEAST)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._held[name][: self.size]

    @property
    def keys(self) -> U64:
        """uint64 [size], in order of arrival."""
        return self._keys[: self.size]

    def rows(self, keys: U64) -> I32:
        """int32 row of each key; keys that are new get one."""
        room = self.size + keys.shape[0]
        if room > self._keys.shape[0]:
            self._allot(room)
        out = np.empty(keys.shape[0], np.int32)
        self.size = int(enlist(keys, self._keys, self.size, self._slots, out))
        return out

    def find(self, keys: U64) -> I32:
        """int32 row of each key, -1 where there is none."""
        out = np.empty(keys.shape[0], np.int32)
        probe(self._keys, self._slots, np.ascontiguousarray(keys), out)
        return out

    def keep(self, chosen: Bool) -> None:
        """Leave out the rows that are not chosen; the others keep their order."""
        at = np.flatnonzero(chosen)
        for name, column in self._held.items():
            column[: at.shape[0]] = column[at]
            column[at.shape[0] : self.size] = 0
            self._held[name] = column
        self._keys[: at.shape[0]] = self._keys[at]
        self.size = int(at.shape[0])
        self._index()

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of the keys (``key``) and of every column."""
        return {"key": self.keys.copy(), **{name: self[name].copy() for name in self.columns}}

    def load(self, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take these rows in place of one's own; keys must be distinct."""
        self.size = 0
        self._allot(tensors["key"].shape[0])
        self.size = int(tensors["key"].shape[0])
        self._keys[: self.size] = tensors["key"]
        for name in self.columns:
            self[name][:] = tensors[name]
        self._index()

    def _allot(self, room: int) -> None:
        """Make room for at least so many rows, and no less than twice what there was."""
        capacity = max(1 << max(room - 1, 1).bit_length(), LEAST)
        keys, held = np.zeros(capacity, np.uint64), {}
        for name, (dtype, shape) in self.columns.items():
            held[name] = np.zeros((capacity, *shape), dtype)
            if self.size:
                held[name][: self.size] = self._held[name][: self.size]
        if self.size:
            keys[: self.size] = self._keys[: self.size]
        self._keys, self._held = keys, held
        self._index()

    def _index(self) -> None:
        self._slots = np.full(2 * self._keys.shape[0], -1, np.int32)
        fill(self.keys, self._slots)
