"""Clock: clock window of each row of a table, for distributed engines that group rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.api.batches import CLOCK, NO_TIME, Account, Cut, stamped
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.windows import milliseconds

I64 = npt.NDArray[np.int64]
SPREAD = 64
"""Windows that rows which are no flows are dealt out to, so that no machine gets all of them."""
UNTIMED = -1
"""Window of flows that do not tell when they start: one machine has them together, too."""


def check_clock(cut: Cut) -> int:
    """Milliseconds of a window.

    Raises
    ------
    UsageError
        If windows are not cut by the clock: engines keep no order of rows.
    """
    if cut.windows != CLOCK or cut.window_seconds is None:
        raise UsageError(
            'rows have no order on many machines: make it Detector(windows="clock", window_seconds=600)'
        )
    return milliseconds(cut.window_seconds)


def window_of_rows(cut: Cut, table: pa.Table) -> I64:
    """int64 [E] window of each row, in windows since the epoch; rows that are no flows are dealt out.

    Parameters
    ----------
    cut
        By the clock.
    table
        E records. A row with several flows belongs to the window of the first.

    Raises
    ------
    InputError
        If a required column is missing.
    UsageError
        If windows are not cut by the clock.
    """
    length = check_clock(cut)
    out = np.arange(table.num_rows, dtype=np.int64) % SPREAD - SPREAD + UNTIMED
    for flows in cut.records(table, Account()):
        # backwards, so that the first flow of a row is written last
        out[flows.rows[::-1]] = windows_of(flows, length)[::-1]
    return out


def windows_of(flows: Flows, length: int) -> I64:
    """int64 [E] window of each flow; ``length`` is that of a window in milliseconds."""
    times = stamped(flows).time_ms
    assert times is not None
    return np.where(times == NO_TIME, UNTIMED, times // length)
