"""Incidents by partition: each input partition has its own incidents, which move with it on a rebalance.

Open incidents are saved to a topic, in the transaction that commits the offsets of a window. Each flow is
therefore counted exactly once, across crashes and rebalances.
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
    """Protocol: the assigned partitions, implemented by ``kafka.source.KafkaSource``."""

    def alive(self, source: str, partition: int) -> bool:
        """Whether an assignment is still valid."""
        ...

    def base(self, source: str, partition: int) -> int | None:
        """Return the offset of the first message not known to be delivered."""
        ...


class IncidentsByPartition:
    """Folds the flagged flows of each partition separately, and saves open incidents.

    Parameters
    ----------
    make
        Creates the incident stream of one partition.
    changelog
        Topic of the open incidents.
    assignments
        Assigned partitions.
    metrics
        Records the number of open incidents.
    say
        Reports one line to the user.
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
        # names of the parts of each partition in the topic
        self._there: dict[Key, set[str]] = {}
        # partitions whose first window writes all parts
        self._anew: set[Key] = set()
        self._sink = make()

    def ready(self, window: Window) -> None:
        """Read the saved state of a window's partition, at the first window of an assignment.

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
            self._anew.discard(old)
        base = self._assignments.base(*key)
        if key in self._streams or base is None:
            return
        topic, partition = topic_of(key[0]), key[1]
        parts, there, ignored = self._changelog.read(topic, partition, base)
        stream = self._make()
        if there:
            self._restore(stream, parts, f"{topic}/{partition}")
        self._streams[key], self._there[key] = stream, there
        if ignored:
            # of flows that are read again: they would be valid once their offset is passed
            self._anew.add(key)
        self._tell()

    def add(self, alerts: pa.Table, flows: Flows, model: str, seen: Seen | None = None) -> None:
        """Add a window; parameters as for ``IncidentStream.add``."""
        if not flows.done:
            raise no_half_flows()
        at = flows.done[-1]
        key = (at.source, at.partition)
        stream = self._streams[key]
        stream.add(alerts, flows, model, seen)
        changed, names = stream.parts(every=key in self._anew)
        self._anew.discard(key)
        gone, self._there[key] = self._there[key] - names, names
        self._changelog.write(topic_of(at.source), at.partition, at.offset, changed, gone)
        self._tell()

    def flush(self) -> None:
        """Flush the sink."""
        self._sink.flush()

    def finish(self) -> None:
        """Do nothing: the next process continues the open incidents."""

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()

    def _restore(self, stream: IncidentStream, parts: dict[str, Any], where: str) -> None:
        from morpheus_gae.incidents.parts import HEAD, joined

        if HEAD not in parts:
            # offsets were reset to before it was written
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
