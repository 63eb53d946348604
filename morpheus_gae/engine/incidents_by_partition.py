"""Incidents by partition: each input partition has its own, which go with it to whoever reads it next.

What is open is kept in a topic, in the transaction that commits the offsets of a window. So each flow is
counted once, whichever process comes to an end, and wherever a partition goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.errors import InputError
from morpheus_gae.kafka.ledger import topic_of
from morpheus_gae.kafka.source import no_half_flows

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.engine.seen import Seen
    from morpheus_gae.engine.window import Window
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.kafka.changelog import Changelog

Key = tuple[str, int]
"""Assignment (``kafka.ledger.source_name``) and partition."""


class Assignments(Protocol):
    """Knows which partitions are ours; ``kafka.source.KafkaSource`` is one."""

    def alive(self, source: str, partition: int) -> bool:
        """Whether flows that were read under this name still count."""
        ...

    def base(self, source: str, partition: int) -> int | None:
        """Offset of the first message that is not known to be delivered."""
        ...


class IncidentsByPartition:
    """Folds the flagged flows of each partition by itself, and keeps what is open.

    Parameters
    ----------
    make
        Makes what folds the flows of one.
    changelog
        Keeps what is open.
    assignments
        Know which partitions are ours.
    metrics
        Told how many incidents are open.
    say
        Tells the user one line.
    """

    def __init__(
        self,
        make: Callable[[], IncidentStream],
        changelog: Changelog,
        assignments: Assignments,
        metrics: Metrics,
        say: Callable[[str], None],
    ) -> None:
        self._make, self._changelog, self._assignments = make, changelog, assignments
        self._metrics, self._say = metrics, say
        self._streams: dict[Key, IncidentStream] = {}
        # names of the parts of each that stand in the topic
        self._there: dict[Key, set[str]] = {}
        self._sink = make()

    def ready(self, window: Window) -> None:
        """Read what is known of a window's partition, if this is the first window of an assignment.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if window.origin is None:
            return
        key = (window.origin.source, window.origin.partition)
        for old in [old for old in self._streams if not self._assignments.alive(*old)]:
            del self._streams[old], self._there[old]
        base = self._assignments.base(*key)
        if key in self._streams or base is None:
            return
        topic, partition = topic_of(key[0]), key[1]
        parts, there = self._changelog.read(topic, partition, base)
        stream = self._make()
        if there:
            self._restore(stream, parts, f"{topic}/{partition}")
        self._streams[key], self._there[key] = stream, there
        self._tell()

    def add(self, alerts: pa.Table, flows: Flows, model: str, seen: Seen | None = None) -> None:
        """Take a window; parameters as those of ``IncidentStream.add``."""
        if not flows.done:
            raise no_half_flows()
        at = flows.done[-1]
        key = (at.source, at.partition)
        stream = self._streams[key]
        stream.add(alerts, flows, model, seen)
        changed, names = stream.parts()
        gone, self._there[key] = self._there[key] - names, names
        self._changelog.write(topic_of(at.source), at.partition, at.offset, changed, gone)
        self._tell()

    def flush(self) -> None:
        """Make what was written visible."""
        self._sink.flush()

    def finish(self) -> None:
        """Nothing: the next process goes on with what is open."""

    def close(self) -> None:
        """Finish the destination."""
        self._sink.close()

    def _restore(self, stream: IncidentStream, parts: dict[str, Any], where: str) -> None:
        from morpheus_gae.incidents.parts import HEAD, joined

        if HEAD not in parts:
            # offsets were set back to before it was written
            text = f"Note: incidents of {where} begin anew: {self._changelog} knows nothing so early"
            self._say(Line(text, "incidents_anew"))
            return
        told = f"{self._changelog} ({where})"
        try:
            stream.restore(joined(parts), told)
        except ValueError as error:
            raise InputError(f"{told} is damaged: {error}; remove the topic to begin anew") from None
        opened = stream.open
        self._say(Line(f"Going on with {opened:,} open incidents of {where}", "incidents_restored"))

    def _tell(self) -> None:
        self._metrics.incidents(sum(stream.open for stream in self._streams.values()))
