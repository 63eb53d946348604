"""Pace: limits the rate of flows per second."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pyarrow as pa

STEP_SECONDS = 0.1


def paced(tables: Iterable[pa.Table], rate: float | None) -> Iterator[pa.Table]:
    """Yield tables in slices, each when its first row is due.

    Parameters
    ----------
    tables
        Rows in order.
    rate
        Rows per second; None: no limit.
    """
    if rate is None:
        yield from tables
        return
    step = max(1, int(rate * STEP_SECONDS))
    begun, given = time.monotonic(), 0
    for table in tables:
        for start in range(0, table.num_rows, step):
            ahead = begun + given / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            part = table.slice(start, step)
            given += part.num_rows
            yield part
