"""Read: the training flows, in time order, with labels dropped before anything else sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.flows.mapping import PresetLike, noted
from morpheus_gae.flows.pairing import Pairer, paired
from morpheus_gae.flows.read import read_flows


def read_for_training(
    inputs: list[str],
    max_flows: int,
    *,
    progress: bool = False,
    preset: PresetLike = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Flows, dict[str, int]]:
    """Read well-formed flows up to ``max_flows``.

    Parameters
    ----------
    inputs
        Paths, globs, folders, or ``-``.
    max_flows
        Stop there: training holds its flows in memory.
    progress
        Show a bar on stderr.
    preset
        Whose columns they are, see ``flows.read.read_flows``.
    say
        Tells the user one line of how they are read.

    Returns
    -------
    flows
        Sorted by start time where every flow has one, else in input order. Only the columns that training
        reads are kept.
    bad
        Bad records by reason.

    Raises
    ------
    InputError
        If there is no well-formed flow.
    """
    from tqdm import tqdm

    parts: list[Flows] = []
    bad: Counter[str] = Counter()
    total = 0
    with tqdm(disable=not progress, unit=" flows", unit_scale=True, desc="read", dynamic_ncols=True) as bar:
        batches = noted(read_flows(inputs, dictionaries=True, preset=preset), say)
        for batch in paired(batches, Pairer()):
            bad.update(record.reason.value for record in batch.bad)
            flows = batch.flows.slice(0, min(len(batch.flows), max_flows - total))
            if len(flows):
                # the table (labels and extra columns) is not needed: only its row count stays
                parts.append(_bare(flows))
            total += len(flows)
            bar.update(len(flows))
            if total >= max_flows:
                break
    if not parts:
        raise InputError(f"no well-formed flow in {', '.join(inputs)}; bad records: {dict(bad) or 'none'}")
    flows = concat(parts)
    if flows.time_ms is not None and np.any(np.diff(flows.time_ms) < 0):
        flows = flows.take(np.argsort(flows.time_ms, kind="stable"))
    return flows, dict(bad)


def _bare(flows: Flows) -> Flows:
    import pyarrow as pa

    return replace(flows, table=pa.table({"row": flows.rows}))
