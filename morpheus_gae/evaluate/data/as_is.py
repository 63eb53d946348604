"""As is: benign flows on the way that a user's own take, through a file and the reader of ``train``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.enriched import kept
from morpheus_gae.flows.frame import Flows


def as_is(flows: Flows, folder: Path) -> Flows:
    """Training flows as ``train`` reads them from a file.

    Parameters
    ----------
    flows
        E flows, in the order of their file.
    folder
        Gets ``flows.parquet``: no column of it is a label.

    Returns
    -------
    Flows
        What ``train.read.read_for_training`` makes of that file.
    """
    import pyarrow.parquet as pq

    from morpheus_gae.train.read import read_for_training

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "flows.parquet"
    pq.write_table(_table(flows), path)
    read, _ = read_for_training([str(path)], near=folder, enriched=True)
    return read


def _table(flows: Flows):  # type: ignore[no-untyped-def]
    """The flows as canonical columns: the values that their source was read to, in whatever form it was."""
    import pyarrow as pa

    from morpheus_gae.flows.addresses.text import format_addresses

    v4 = {
        "SRC": (flows.src_hi == 0) & (flows.src_lo >> np.uint64(32) == 0xFFFF),
        "DST": (flows.dst_hi == 0) & (flows.dst_lo >> np.uint64(32) == 0xFFFF),
    }
    text = {
        "SRC": format_addresses(flows.src_hi, flows.src_lo),
        "DST": format_addresses(flows.dst_hi, flows.dst_lo),
    }
    table = {}
    for end, (four, six) in {"SRC": c.SRC_ADDRESSES, "DST": c.DST_ADDRESSES}.items():
        table[four] = pa.compute.if_else(pa.array(v4[end]), text[end], pa.scalar(None, pa.string()))
        table[six] = pa.compute.if_else(pa.array(v4[end]), pa.scalar(None, pa.string()), text[end])
    for name, values in zip(c.ATTRIBUTES, flows.attributes.T, strict=True):
        mask = flows.duration_missing if name == c.DURATION else None
        table[name] = pa.array(np.ascontiguousarray(values), mask=mask)
    if flows.time_ms is not None:
        table[c.FLOW_START] = pa.array(flows.time_ms)
    more = kept(flows.table).drop_columns(["row"])
    return pa.table({**table, **{n: more[n] for n in more.column_names}})
