"""from-netflow: reads batches of flows; bad records go to the dead letters."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.flows.bad import DAMAGE, BadRecord
from morpheus_gae.flows.exporters.mapping import PresetLike, note
from morpheus_gae.flows.frame import Flows

MOST_TOLD = 20
"""Maximum number of damaged inputs reported individually."""


class Batch(Protocol):
    """Protocol: a batch of a reader, with flows, bad records and bytes read."""

    @property
    def flows(self) -> Flows:
        """Valid flows, in order."""
        ...

    @property
    def bad(self) -> list[BadRecord]:
        """Bad records."""
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
        """Corrected flows, by kind of correction."""
        ...

    @property
    def preset(self) -> str | None:
        """Preset used for the columns."""
        ...


class BadRecordSink(Protocol):
    """Protocol: a sink of bad records."""

    def add(self, records: list[BadRecord]) -> None:
        """Write bad records."""
        ...

    def close(self) -> None:
        """Close the sink."""
        ...


class FlowSource:
    """Yields the flows of each batch and writes bad records to the dead letters.

    Parameters
    ----------
    batches
        Batches of the reader.
    metrics
        Counts bytes, bad records and missing durations.
    dead_letters
        Sink of bad records.
    wake
        Ends a read that waits for input; called by ``stop``, from another thread.
    say
        Reports a detected preset to the user.
    warn
        Reports a damaged input to the user.
    asked
        Requested layout, see ``flows.exporters.mapping.note``.

    Attributes
    ----------
    complete
        Whether all input has been read.
    damaged
        Inputs that were unreadable or truncated; their readable part was used.
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
            self._count_decoded(batch)
            self._tell(batch.preset, getattr(flows, "one_way", False))
            if batch.bad:
                self._metrics.bad(Counter(record.reason.value for record in batch.bad))
                if self._dead_letters is not None:
                    self._dead_letters.add(batch.bad)
                self._count_damage(batch.bad)
            # a batch with only bad records still advances the position
            if len(flows) or flows.done:
                yield flows
            if self._stopping.is_set():
                return
        self.complete = True

    def _count_decoded(self, batch: Batch) -> None:
        """Count who decoded the records, where there are two who can."""
        by_host = getattr(batch, "by_host", None)
        if by_host is not None:
            self._metrics.decode(len(batch.flows) + len(batch.bad) + batch.skipped.total(), by_host)

    def _tell(self, preset: str | None, one_way: bool) -> None:
        """Report once how the columns are read."""
        if preset is None or self._say is None or preset in self._presets:
            return
        self._presets.add(preset)
        line = note(preset, self._asked, one_way)
        if line is not None:
            self._say(Line(line, "layout", preset=preset))

    def _count_damage(self, bad: list[BadRecord]) -> None:
        """Report damaged inputs, the first few of many."""
        for record in bad:
            if record.reason not in DAMAGE:
                continue
            self.damaged += 1
            if self._warn is not None and self.damaged <= MOST_TOLD:
                more = "; damaged inputs that follow are only counted" if self.damaged == MOST_TOLD else ""
                where = f"from record {record.row:,} on" if record.row else "at all"
                told = f"Error: {record.source} cannot be read {where}: {record.detail}{more}"
                self._warn(Line(told, "input_damaged", file=record.source))

    def stop(self) -> None:
        """Stop after the current batch."""
        self._stopping.set()
        if self._wake is not None:
            self._wake()

    def close(self) -> None:
        """Close the dead letters."""
        if self._dead_letters is not None:
            self._dead_letters.close()
