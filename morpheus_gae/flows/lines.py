"""Lines: a block of text as records, without a Python object per line."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
_LF, _CR, _SPACE, _TAB = 10, 13, 32, 9


class Lines:
    """The E lines of a block that are not blank.

    Parameters
    ----------
    block
        Lines with their ends (LF or CR LF).

    Attributes
    ----------
    data
        uint8: the block.
    starts, stops
        int64 [E]: each line is ``data[start:stop]``, its end left out.
    """

    def __init__(self, block: bytes) -> None:
        self.block = block
        self.data = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(self.data == _LF).astype(np.int64)
        if block and not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]) if len(ends) else ends
        stops = ends - ((ends > starts) & (self.data[ends - 1] == _CR)) if len(ends) else ends
        # a line without any byte that is not white is no record
        ink = np.flatnonzero(
            (self.data != _LF) & (self.data != _CR) & (self.data != _SPACE) & (self.data != _TAB)
        )
        full = np.searchsorted(ink, starts) < np.searchsorted(ink, stops)
        self._next = np.minimum(ends[full] + 1, len(block))
        self.starts, self.stops = starts[full], stops[full]

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, i: int) -> bytes:
        """One line."""
        return self.block[int(self.starts[i]) : int(self.stops[i])]

    def text(self, i: int) -> str:
        """One line as text; what is not UTF-8 is replaced."""
        return self.raw(i).decode("utf-8", "replace")

    def holding(self, where: npt.NDArray[Any]) -> I64:
        """For byte positions (int64, sorted): how many lie in each line, int64 [E]."""
        return np.searchsorted(where, self.stops) - np.searchsorted(where, self.starts)

    def count(self, byte: int) -> I64:
        """How often a byte occurs in each line, int64 [E]."""
        return self.holding(np.flatnonzero(self.data == byte))

    def kept(self, keep: Bool) -> bytes:
        """The lines chosen by a bool [E], with their ends."""
        if keep.all() and len(keep):
            return self.block[int(self.starts[0]) : int(self._next[-1])]
        length = self._next - self.starts
        edges = np.zeros(len(self.data) + 1, np.int8)
        np.add.at(edges, self.starts[keep], 1)
        np.add.at(edges, self.starts[keep] + length[keep], -1)
        chosen = np.cumsum(edges[:-1], dtype=np.int8).astype(bool)
        return self.data[chosen].tobytes()

    def not_utf8(self) -> Bool:
        """Bool [E]: the line is not UTF-8."""
        bad = np.zeros(len(self), bool)
        if self.block.isascii():
            return bad
        at = 0
        view = memoryview(self.block)
        while True:
            try:
                str(view[at:], "utf-8")
            except UnicodeDecodeError as error:
                # the line that holds the first wrong byte; go on after it
                i = int(np.searchsorted(self._next, at + error.start, "right"))
                if i >= len(self):
                    return bad
                bad[i] = True
                at = int(self._next[i])
            else:
                return bad
