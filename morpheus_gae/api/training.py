"""Training: the flows of a table as training wants them."""

from __future__ import annotations

from contextlib import closing

import pyarrow as pa

from morpheus_gae.api.batches import Account, Cut
from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.train.read import Kept
from morpheus_gae.train.spool import Spool


def gathered(cut: Cut, table: pa.Table, account: Account, max_flows: int | None, enriched: bool) -> Flows:
    """The first well-formed flows of a table, in time order where every one has a time.

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
    enriched
        Keep the columns of `flows.enriched` as well.

    Raises
    ------
    InputError
        If there is none.
    """
    with closing(Kept(Spool(), enriched)) as kept:
        for flows in cut.flows(table, account):
            part = flows if max_flows is None else flows.slice(0, min(len(flows), max_flows - kept.count))
            kept.add(part)
            if max_flows is not None and kept.count >= max_flows:
                break
        if not kept.count:
            reasons = ", ".join(sorted({record.reason.value for record in account.bad}))
            raise InputError(f"no well-formed flow to train on; bad records: {reasons or 'none'}")
        return kept.flows()
