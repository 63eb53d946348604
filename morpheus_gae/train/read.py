"""Read: the training flows, in time order, with labels dropped before anything else sees them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from morpheus_gae.errors import InputError
from morpheus_gae.flows.exporters.enriched import ABSENT, ENCODED, NAMES, enriched_columns
from morpheus_gae.flows.exporters.mapping import PresetLike, noted
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.pairing.pair import Pairer, paired
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.train.spool import Spool, blocks

UNTOLD = 0.25
"""Longest stretch of flows without times, as a share of all, with which the others' times count."""
COLUMNS = ("src_hi", "src_lo", "dst_hi", "dst_lo", "attributes", "duration_missing", "rows", "time_ms")


def read_for_training(
    inputs: list[str],
    max_flows: int | None = None,
    *,
    near: str | Path | None = None,
    progress: bool = False,
    preset: PresetLike = None,
    say: Callable[[str], None] | None = None,
    enriched: bool = False,
) -> tuple[Flows, dict[str, int]]:
    """Read well-formed flows; they are kept on disk, see ``spool``.

    Parameters
    ----------
    inputs
        Paths, globs, folders, or ``-``.
    max_flows
        Stop there; None: read all.
    near
        Folder that the flows are kept in or above, see ``spool.Spool``.
    progress
        Show a bar on stderr.
    preset
        Whose columns they are, see ``flows.readers.read.read_flows``.
    say
        Tells the user one line of how they are read.
    enriched
        Keep the columns of `flows.exporters.enriched` as well.

    Returns
    -------
    flows
        Sorted by start time, or in input order where they tell none (see ``Kept``). Only the columns that
        training reads are kept.
    bad
        Bad records by reason.

    Raises
    ------
    InputError
        If there is no well-formed flow.
    """
    from tqdm import tqdm

    bad: Counter[str] = Counter()
    with (
        contextlib.closing(Kept(Spool(near), enriched)) as kept,
        tqdm(disable=not progress, unit=" flows", unit_scale=True, desc="read", dynamic_ncols=True) as bar,
    ):
        batches = noted(read_flows(inputs, dictionaries=True, preset=preset), say)
        for batch in paired(batches, Pairer()):
            bad.update(record.reason.value for record in batch.bad)
            flows = batch.flows
            if max_flows is not None:
                flows = flows.slice(0, min(len(flows), max_flows - kept.count))
            if len(flows):
                kept.add(flows)
            bar.update(len(flows))
            if max_flows is not None and kept.count >= max_flows:
                break
        if not kept.count:
            raise InputError(
                f"no well-formed flow in {', '.join(inputs)}; bad records: {dict(bad) or 'none'}"
            )
        return kept.flows(), dict(bad)


class Kept:
    """Flows as columns on disk. Of the table (labels and extra columns) only what is asked for stays.

    Flows that tell no time come when the one before them did. If a stretch of them is too long for that
    (``UNTOLD``), nobody has a time.

    Parameters
    ----------
    spool
        Where.
    enriched
        Keep the columns of `flows.exporters.enriched` as well.
    """

    def __init__(self, spool: Spool, enriched: bool) -> None:
        self.spool, self.count, self.one_way = spool, 0, False
        self.columns = {name: spool.column() for name in COLUMNS}
        self.encoded = [spool.column() for _ in NAMES] if enriched else []
        self.there = np.zeros(len(NAMES), np.bool_)
        self._now: int | None = None
        self._untold = self._longest = 0

    def add(self, flows: Flows) -> None:
        """Keep a batch."""
        for name, column in self.columns.items():
            if name != "time_ms":
                column.add(getattr(flows, name))
        self._add_times(flows)
        if self.encoded:
            values = enriched_columns(flows.table)
            self.there |= (values != ABSENT).any(0)
            for column, one in zip(self.encoded, values.T, strict=True):
                column.add(one)
        self.count += len(flows)
        self.one_way |= flows.one_way

    def _add_times(self, flows: Flows) -> None:
        column, time = self.columns["time_ms"], flows.time_ms
        if not len(flows):
            return
        if time is None:
            self._untold += len(flows)
            self._longest = max(self._longest, self._untold)
            if self._now is not None:
                column.add(np.full(len(flows), self._now, np.int64))
            return
        if self._now is None:
            # those before the first that tells one
            for part in blocks(self._untold):
                column.add(np.full(part.stop - part.start, time[0], np.int64))
        column.add(time)
        self._now, self._untold = int(time[-1]), 0

    def close(self) -> None:
        """Give up what was read."""
        for column in (*self.columns.values(), *self.encoded):
            column.close()

    def flows(self) -> Flows:
        """All of them, by time if they tell it."""
        import pyarrow as pa

        if self._now is None or self._longest > UNTOLD * self.count:
            self.columns.pop("time_ms").close()

        # what batches were read into: nothing comes to take its place
        pa.default_memory_pool().release_unused()
        held = {name: column.array() for name, column in self.columns.items()}
        encoded = [column.array() for column in self.encoded]
        extra = {f"{ENCODED}{i}": a for i, a in enumerate(encoded) if self.there[i]}
        held.update(extra)
        time = held.get("time_ms")
        if time is not None and any(np.any(time[1:][p] < time[:-1][p]) for p in blocks(self.count - 1)):
            order = np.argsort(time, kind="stable")
            held = {name: self.spool.taken(column, order) for name, column in held.items()}
        return Flows(
            table=pa.table({"row": held["rows"], **{name: held[name] for name in extra}}),
            src_hi=held["src_hi"],
            src_lo=held["src_lo"],
            dst_hi=held["dst_hi"],
            dst_lo=held["dst_lo"],
            attributes=held["attributes"],
            duration_missing=held["duration_missing"],
            rows=held["rows"],
            time_ms=held.get("time_ms"),
            one_way=self.one_way,
        )
