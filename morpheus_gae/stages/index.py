"""Index: keeps the indexes of frames while windows are cut across them."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


class IndexKeeper:
    """Indexes of frames, until the windows cut across them need theirs.

    Parameters
    ----------
    keep
        False if windows do not follow the order of rows: then there is no index.
    """

    def __init__(self, keep: bool = True) -> None:
        self._parts: deque[tuple[int, Any]] = deque()
        self.keep = keep
        self.rows = 0

    def add(self, index: Any) -> None:
        """Add the index of the next frame, which starts at row ``rows`` of the stream."""
        if self.keep and len(index):
            self._parts.append((self.rows, index))
        self.rows += len(index)

    def of(self, rows: I64) -> Any:
        """Return the index of these rows of the stream (ascending), or None; earlier rows are dropped."""
        if not self.keep or not len(rows):
            return None
        while len(self._parts) > 1 and self._parts[1][0] <= rows[0]:
            self._parts.popleft()
        (first, index), *others = self._parts
        needed = [part for start, part in others if start <= rows[-1]]
        return (index.append(needed) if needed else index).take(rows - first)
