"""Index: what names the rows of a frame, kept while windows are cut across frames."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


class IndexKeeper:
    """The indexes of frames, until windows that were cut across them ask for theirs.

    Parameters
    ----------
    keep
        False where windows do not follow the order of the rows: then there is no index to give.
    """

    def __init__(self, keep: bool = True) -> None:
        self._parts: deque[tuple[int, Any]] = deque()
        self.keep = keep
        self.rows = 0

    def add(self, index: Any) -> None:
        """Keep the index of the next frame; its first row is row ``rows`` of the stream."""
        if self.keep and len(index):
            self._parts.append((self.rows, index))
        self.rows += len(index)

    def of(self, rows: I64) -> Any:
        """Index of these rows of the stream (ascending), or None; rows before them are forgotten."""
        if not self.keep or not len(rows):
            return None
        while len(self._parts) > 1 and self._parts[1][0] <= rows[0]:
            self._parts.popleft()
        (first, index), *others = self._parts
        needed = [part for start, part in others if start <= rows[-1]]
        return (index.append(needed) if needed else index).take(rows - first)
