"""from-netflow: batches of flows from files, globs or stdin; bad records go aside."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.flows.bad import DAMAGE, BadRecord
from morpheus_gae.flows.exporters.mapping import PresetLike, note
from morpheus_gae.flows.frame import Flows

MOST_TOLD = 20
"""Damaged inputs that are told one by one."""


class Batch(Protocol):
    """What a reader gives: flows, the records that are none, and the bytes both took."""

    @property
    def flows(self) -> Flows:
        """Well-formed flows, in order."""
        ...

    @property
    def bad(self) -> list[BadRecord]:
        """Records set aside."""
        ...

    @property
    def bytes_read(self) -> int:
        """Bytes of input."""
        ...

    @property
    def skipped(self) -> Counter[str]:
        """Records that are neither flows nor bad, by reason."""
        ...

    @property
    def noted(self) -> Counter[str]:
        """Flows that were read with something put right, by what."""
        ...

    @property
    def preset(self) -> str | None:
        """Name of the preset that the columns were read with."""
        ...


class BadRecordSink(Protocol):
    """Where bad records go."""

    def add(self, records: list[BadRecord]) -> None:
        """Keep them."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class FlowSource:
    """Gives the flows of each batch and sets the bad records aside.

    Parameters
    ----------
    batches
        What the reader gives.
    metrics
        Counts bytes, bad records and missing durations.
    dead_letters
        Keeps the bad records.
    wake
        Ends a read that waits for input; called by ``stop``, from another thread.
    say
        Tells the user one line, when a preset was found out.
    warn
        Tells the user one line, when an input is damaged.
    asked
        What was told of the columns, see ``flows.exporters.mapping.note``.

    Attributes
    ----------
    complete
        Whether all there was has been read.
    damaged
        Inputs that could not be read, or not to their ends: what could be read was given.
    """

    name = "from-netflow"

    def __init__(
        self,
        batches: Iterable[Batch],
        metrics: Metrics,
        dead_letters: BadRecordSink | None = None,
        wake: Callable[[], None] | None = None,
        say: Callable[[str], None] | None = None,
        warn: Callable[[str], None] | None = None,
        asked: PresetLike = None,
    ) -> None:
        self._batches = batches
        self._say, self._warn, self._asked = say, warn, asked
        self.damaged = 0
        self._presets: set[str] = set()
        self._metrics = metrics
        self._dead_letters = dead_letters
        self._wake = wake
        self._stopping = threading.Event()
        self.complete = False

    def __iter__(self) -> Iterator[Flows]:
        for batch in self._batches:
            flows = batch.flows
            self._metrics.add(
                bytes_read=batch.bytes_read, durations_missing=int(flows.duration_missing.sum())
            )
            if batch.skipped:
                self._metrics.skip(batch.skipped)
            if batch.noted:
                self._metrics.note(batch.noted)
            self._tell(batch.preset, getattr(flows, "one_way", False))
            if batch.bad:
                self._metrics.bad(Counter(record.reason.value for record in batch.bad))
                if self._dead_letters is not None:
                    self._dead_letters.add(batch.bad)
                self._count_damage(batch.bad)
            # a batch of bad records alone still moves the position
            if len(flows) or flows.done:
                yield flows
            if self._stopping.is_set():
                return
        self.complete = True

    def _tell(self, preset: str | None, one_way: bool) -> None:
        """Say once how the columns are read."""
        if preset is None or self._say is None or preset in self._presets:
            return
        self._presets.add(preset)
        line = note(preset, self._asked, one_way)
        if line is not None:
            self._say(line)

    def _count_damage(self, bad: list[BadRecord]) -> None:
        """Say which input is damaged; of many such the first few."""
        for record in bad:
            if record.reason not in DAMAGE:
                continue
            self.damaged += 1
            if self._warn is not None and self.damaged <= MOST_TOLD:
                more = "; damaged inputs that follow are only counted" if self.damaged == MOST_TOLD else ""
                where = f"from record {record.row:,} on" if record.row else "at all"
                self._warn(f"Error: {record.source} cannot be read {where}: {record.detail}{more}")

    def stop(self) -> None:
        """End after the batch that is being read."""
        self._stopping.set()
        if self._wake is not None:
            self._wake()

    def close(self) -> None:
        """Close the dead letters."""
        if self._dead_letters is not None:
            self._dead_letters.close()
