"""Training: prepares the flows of a table for training."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import pyarrow as pa

from morpheus_gae.api.batches import Account, Cut
from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.train.read import Kept
from morpheus_gae.train.spool import Spool


def gathered(cut: Cut, table: pa.Table, account: Account, max_flows: int | None, enriched: bool) -> Flows:
    """The first well-formed flows of a table, in time order where they tell it.

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
        Keep the columns of `flows.exporters.enriched` as well.

    Raises
    ------
    InputError
        If there is none.
    """
    flows = spooled(cut.flows(table, account), max_flows, enriched)
    if flows is None:
        reasons = ", ".join(sorted({record.reason.value for record in account.bad}))
        raise InputError(f"no well-formed flow to train on; bad records: {reasons or 'none'}")
    return flows


def spooled(parts: Iterable[Flows], max_flows: int | None, enriched: bool) -> Flows | None:
    """Flows on disk, in time order where they tell it; None if there is none.

    Parameters
    ----------
    parts
        Read until there are enough.
    max_flows, enriched
        See ``gathered``.
    """
    with closing(Kept(Spool(), enriched)) as kept:
        for flows in parts:
            kept.add(flows if max_flows is None else flows.slice(0, min(len(flows), max_flows - kept.count)))
            if max_flows is not None and kept.count >= max_flows:
                break
        return kept.flows() if kept.count else None
