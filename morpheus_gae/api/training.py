"""Training: the flows of a table as training wants them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from morpheus_gae.api.batches import Account, Cut
from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows, concat


def gathered(cut: Cut, table: pa.Table, account: Account, max_flows: int | None) -> Flows:
    """The first well-formed flows of a table, in time order where every batch has times.

    Parameters
    ----------
    cut
        How rows become flows.
    table
        Of records.
    account
        Is told what became of them.
    max_flows
        At most so many; None: all.

    Raises
    ------
    InputError
        If there is none.
    """
    parts: list[Flows] = []
    total = 0
    for flows in cut.flows(table, account):
        part = flows if max_flows is None else flows.slice(0, min(len(flows), max_flows - total))
        # columns that training does not read are not held
        parts.append(replace(part, table=pa.table({"row": part.rows})))
        total += len(part)
        if max_flows is not None and total >= max_flows:
            break
    if not parts:
        reasons = {record.reason.value for record in account.bad}
        raise InputError(
            f"no well-formed flow to train on; bad records: {', '.join(sorted(reasons)) or 'none'}"
        )
    learnt = concat(parts)
    if learnt.time_ms is not None and np.any(np.diff(learnt.time_ms) < 0):
        learnt = learnt.take(np.argsort(learnt.time_ms, kind="stable"))
    return learnt
