"""Origin: the columns that say which message each flow came in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.frame import Flows, Position

I64 = npt.NDArray[np.int64]

TOPIC, PARTITION, OFFSET, ROW = ORIGIN = ("topic", "partition", "offset", "row")
"""Together they name a flow: read twice, it has them again."""
RENAMED = "input_"


def with_origin(flows: Flows, topic: str, partition: int, offsets: I64, row: I64, done: Position) -> Flows:
    """Flows with the columns that name them, offsets, and the position that they reach.

    Parameters
    ----------
    flows
        E flows of one partition. Columns named like those of the origin become ``input_<name>``.
    topic, partition
        Where they came from.
    offsets
        int64 [E], ascending: offset of the message of each flow.
    row
        int64 [E]: record within the message.
    done
        Reached once these flows, and all before them, are delivered.
    """
    table = flows.table
    if not set(ORIGIN).isdisjoint(table.column_names):
        table = table.rename_columns([f"{RENAMED}{n}" if n in ORIGIN else n for n in table.column_names])
    e = len(flows)
    for name, values in (
        (TOPIC, pa.DictionaryArray.from_arrays(np.zeros(e, np.int32), pa.array([topic]))),
        (PARTITION, pa.array(np.full(e, partition, np.int32))),
        (OFFSET, pa.array(offsets)),
        (ROW, pa.array(row.astype(np.int32))),
    ):
        table = table.append_column(name, values)
    return replace(flows, table=table, offsets=offsets, rows=row, done=(done,))
