"""Seen: number and times of a window's flows, flagged or not, which severity is computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.span import span as reach
from morpheus_gae.flows.tables.numbers import numbers

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.flows.frame import Flows


class Seen(NamedTuple):
    """Size and times of a window.

    Attributes
    ----------
    flows
        Number of flows.
    first, last
        Start of the earliest and latest flow, milliseconds since the epoch, see `flows.span`; None without
        times.
    """

    flows: int
    first: int | None = None
    last: int | None = None

    @classmethod
    def of(cls, flows: Flows) -> Seen:
        """Create from the flows of a whole window."""
        if flows.time_ms is None or not len(flows):
            return cls(len(flows), *span(flows.table))
        return cls(len(flows), *reach(flows.time_ms))


def span(table: pa.Table) -> tuple[int | None, int | None]:
    """Return the start of the earliest and latest row, milliseconds since the epoch; None without times."""
    if c.FLOW_START not in table.column_names:
        return None, None
    values, absent, misfit = numbers(table[c.FLOW_START])
    times: Any = values[~(absent | misfit) & (np.abs(values) < 2**53)]
    return reach(times) if len(times) else (None, None)
