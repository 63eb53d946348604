"""Decimals: numbers of few decimals as text, as Arrow writes them, but without its general conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

UNIT = 1e6
"""Parts of one that are written: six decimals."""
MOST = 1e9
"""Larger values are left to Arrow: a float64 tells 15 digits apart."""
WIDEST = 18
"""Bytes of the longest text: sign, nine digits, point, six digits; ``null`` is shorter."""


def decimal_text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Write float64 values of at most six decimals as JSON.

    Parameters
    ----------
    column
        float64 [E]; nulls, NaN and infinities are ``null``.

    Returns
    -------
    pyarrow.ChunkedArray
        large_string [E], without nulls: the shortest text of each value, as Arrow's cast writes it. None if a
        value has more decimals, or is not below a thousand million.
    """
    import pyarrow as pa

    made = []
    for chunk in column.chunks:
        n = len(chunk)
        values = np.frombuffer(chunk.buffers()[1] or b"", np.float64, n, 8 * chunk.offset if n else 0)
        if chunk.null_count:
            values = np.where(np.asarray(chunk.is_valid()).astype(bool), values, np.nan)
        written = _written(values)
        if written is None:
            return None
        offsets, data = written
        made.append(pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data)))
    return pa.chunked_array(made, pa.large_string())


def _written(values: F64) -> tuple[npt.NDArray[np.int64], U8] | None:
    from morpheus_gae.flows.tables.decimals_kernels import write

    offsets = np.empty(values.shape[0] + 1, np.int64)
    data = np.empty(values.shape[0] * WIDEST, np.uint8)
    size: Any = write(values, UNIT, MOST, offsets, data)
    return None if size < 0 else (offsets, data[:size])
