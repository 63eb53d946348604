"""Lines: a block of text as records, without a Python object per line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.text.line_kernels import count_columns, find_lines, judge_objects, keep_lines

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


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
        most = block.count(b"\n") + 1
        starts, stops, nexts = np.empty((3, most), np.int64)
        count = find_lines(self.data, starts, stops, nexts)
        self.starts, self.stops, self._nexts = starts[:count], stops[:count], nexts[:count]

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, i: int) -> bytes:
        """One line."""
        return self.block[int(self.starts[i]) : int(self.stops[i])]

    def text(self, i: int) -> str:
        """One line as text; what is not UTF-8 is replaced."""
        return self.raw(i).decode("utf-8", "replace")

    def columns(self, delimiter: str) -> I64:
        """Columns of each line, int64 [E]; ``UNREADABLE`` where quotes do not close."""
        counts = np.empty(len(self), np.int64)
        count_columns(self.data, self.starts, self.stops, ord(delimiter), counts)
        return counts

    def kinds(self) -> I64:
        """What each line is as JSON, int64 [E]: ``PLAIN``, ``ODD`` or ``TOO_DEEP``."""
        kinds = np.empty(len(self), np.int64)
        judge_objects(self.data, self.starts, self.stops, kinds)
        return kinds

    def kept(self, keep: Bool) -> bytes:
        """The lines chosen by a bool [E], with their ends."""
        out = np.empty(len(self.data), np.uint8)
        size = keep_lines(self.data, self.starts, self._nexts, keep, out)
        return out[:size].tobytes()

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
                i = int(np.searchsorted(self._nexts, at + error.start, "right"))
                if i >= len(self):
                    return bad
                bad[i] = True
                at = int(self._nexts[i])
            else:
                return bad


def is_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
