"""Resume: flows from files with their positions, from the beginning or from a position reached before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.frame import Position
from morpheus_gae.flows.readers.read import read_flows


class PositionedReader:
    """Reads files; every batch with flows says how far it goes.

    Parameters
    ----------
    paths
        Files, in order: the partition of a position is the place in this list.
    start
        Records before it are left out: those of Parquet files by row groups, those of other files by reading
        them, since what a column was before tells its type.
    options
        Of ``read_flows``.

    Attributes
    ----------
    number
        Place of the input that is being read.
    """

    def __init__(self, paths: Sequence[str], start: Position | None = None, **options: Any) -> None:
        self._paths, self._start, self._options = list(paths), start, options
        self.number = 0

    def __iter__(self) -> Iterator[FlowBatch]:
        first = 0 if self._start is None else self._start.partition
        for number in range(first, len(self._paths)):
            self.number = number
            skip = self._start.offset if self._start is not None and number == first else 0
            for batch in read_flows([self._paths[number]], skip=skip, **self._options):
                yield self._positioned(batch, skip)

    def _positioned(self, batch: FlowBatch, skip: int) -> FlowBatch:
        flows = batch.flows
        # a batch without flows moves no position: the next one does, and the end of the run
        after = int(flows.rows[-1]) + 1 if len(flows) else 0
        if skip:
            flows = flows.slice(int(np.searchsorted(flows.rows, skip)), len(flows))
        bad = sorted((record for record in batch.bad if record.row >= skip), key=lambda record: record.row)
        if len(flows):
            if bad:
                after = max(after, bad[-1].row + 1)
            done = (Position(self._paths[self.number], self.number, after),)
            flows = replace(flows, offsets=flows.rows, done=done)
        return replace(batch, flows=flows, bad=bad)
