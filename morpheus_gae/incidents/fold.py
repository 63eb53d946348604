"""Fold: folds flagged flows, window by window, into incidents that open, are updated and close.

Flows of a window that share an anchor are one group. A group joins the open incident of its anchor; flows of
a pair also join an open incident of their source's or destination's service; those of a host reached by an
earlier incident continue that incident, if on the same service, and internal hosts with the same behaviour
share one (``spread``). An incident without flows for ``quiet`` (event time) is closed. Memory is bounded by
the number of open incidents: beyond the maximum, those idle longest are closed early, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from morpheus_gae.flows.span import YEAR_MS
from morpheus_gae.incidents import kept
from morpheus_gae.incidents.anchors import ANY, REMOTE_PORTS, Anchor
from morpheus_gae.incidents.flagged import Flagged
from morpheus_gae.incidents.groups import Group, groups
from morpheus_gae.incidents.grow import grow
from morpheus_gae.incidents.incident import Incident, incident_id
from morpheus_gae.incidents.reached import MOST_REACHED, Host, Reached
from morpheus_gae.incidents.severity import flows_a_day
from morpheus_gae.incidents.spread import Spreading
from morpheus_gae.incidents.stretches import MOST, Stretch, Stretches

if TYPE_CHECKING:
    import pyarrow as pa

QUIET_MS = 3_600_000
QUIET_WINDOWS = 8
"""Windows without a flow of an incident after which it is closed, where times do not tell."""
EVERY = (ANY, ANY)
"""Service of an anchor of all services."""
MOST_OPEN = 2_000

OPEN, UPDATED, CLOSED = "open", "updated", "closed"


class Change(NamedTuple):
    """An incident that was opened, updated or closed by a window.

    Attributes
    ----------
    state
        ``open``, ``updated`` or ``closed``.
    incident
        Current state; mutable.
    daily
        Flows per day of the stream, for its severity.
    """

    state: str
    incident: Incident
    daily: float


class Fold:
    """Folds the flagged flows of a stream.

    Parameters
    ----------
    quiet_ms
        Time without a flow after which an incident is closed.
    most_open
        Open incidents at most.
    watch
        Is told each incident that grows, and the ids of the flows that it took.

    Attributes
    ----------
    open
        Open incidents by anchor.
    reached
        Hosts that an incident reached, by the service it reached them on.
    early
        Number of incidents closed early because there were too many.
    """

    def __init__(
        self,
        quiet_ms: int = QUIET_MS,
        most_open: int = MOST_OPEN,
        watch: Callable[[Incident, list[str]], None] | None = None,
    ) -> None:
        self.quiet_ms, self.most_open, self._watch = quiet_ms, most_open, watch
        self.open: dict[Anchor, Incident] = {}
        self.early = 0
        self._windows = self._flows = 0
        self._times = Stretches()
        self._touched: dict[Anchor, int] = {}
        self.reached = Reached()
        self._spreading = Spreading()

    def add(self, alerts: pa.Table, flows: int, first: int | None, last: int | None) -> list[Change]:
        """Add the flagged flows of one window.

        Parameters
        ----------
        alerts
            Their alert rows (``detect.alerts.alert_table``).
        flows
            Flows of the window, flagged or not; 0 where more alerts of a window come.
        first, last
            Start of its earliest and its latest flow in milliseconds since the epoch; None without times.

        Returns
        -------
        list of Change
            Closed ones first, then those of this window; each incident once.
        """
        # more alerts of a window that was counted come with no flows
        self._windows += flows > 0
        self._flows += flows
        if first is not None and last is not None:
            self._times.add(flows, first, last)
        # first, so that flows after the idle time open a new incident, however long the window is
        began = self._times.last if first is None else first
        changes = self._close(lambda anchor: self._is_quiet(anchor, began))
        if alerts.num_rows:
            # long windows hour by hour, so that counts do not depend on the windows
            for piece in Flagged.of(alerts).pieces(max(self.quiet_ms, 1)):
                changes += self._join(piece)
                changes += self._crowded()
        return _latest(changes)

    def finish(self) -> list[Change]:
        """Close all open incidents at the end of the stream."""
        return self._close(lambda _: True)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, for ``restore``."""
        return {
            "open": [[self._touched[anchor], found.as_dict()] for anchor, found in self.open.items()],
            "reached": [[*host, *anchor] for host, anchor in self.reached],
            **self.numbers(),
        }

    def numbers(self) -> dict[str, Any]:
        """What is known beside the incidents and the hosts, for ``restore``."""
        told = {"early": self.early, "windows": self._windows, "flows": self._flows}
        return {**told, "times": [list(one) for one in self._times.found]}

    def touched(self, ever: bool = False) -> list[tuple[int, Incident]]:
        """Open incidents that the last window, or any, added to, each with the number of that window."""
        last = 0 if ever else self._windows
        return [(window, self.open[anchor]) for anchor, window in self._touched.items() if window >= last]

    def restore(self, values: dict[str, Any]) -> None:
        """Restore from ``as_dict``.

        Raises
        ------
        ValueError
            If invalid, with the reason. The fold is unchanged then.
        """
        try:
            self._restore(values)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"no incidents that were kept: {type(error).__name__}: {error}") from None

    def _restore(self, values: dict[str, Any]) -> None:
        found: dict[Anchor, Incident] = {}
        touched: dict[Anchor, int] = {}
        windows = kept.whole(values["windows"], "windows")
        for entry in kept.listed(values["open"], "open incidents"):
            window, plain = kept.listed(entry, "an open incident", exactly=2)
            incident = Incident.from_dict(plain)
            if incident.anchor in found:
                raise ValueError("two open incidents have one anchor")
            found[incident.anchor] = incident
            touched[incident.anchor] = min(kept.whole(window, "a window"), windows)
        reached = Reached()
        for entry in kept.listed(values["reached"], "hosts that were reached", most=MOST_REACHED):
            host, protocol, port, *anchor = kept.listed(entry, "a host that was reached", exactly=8)
            used = kept.whole(protocol, "a service", -1), kept.whole(port, "a service", -1)
            key: Host = (kept.address(host, "a host that was reached"), *used)
            reached.put(key, Anchor.of(anchor))
        early, flows = (kept.whole(values[name], name) for name in ("early", "flows"))
        times = [_stretch(one) for one in kept.listed(values["times"], "times", most=MOST)]
        self.open, self._touched, self.reached = found, touched, reached
        self._spreading = Spreading()
        for incident in found.values():
            self._spreading.add(incident)
        self.early, self._windows, self._flows, self._times = early, windows, flows, Stretches(times)

    @property
    def daily(self) -> float:
        """Return the flows per day so far."""
        return flows_a_day(self._flows, self._times.first, self._times.last)

    def _is_quiet(self, anchor: Anchor, now: int | None) -> bool:
        last = self.open[anchor].last
        if last is None or now is None or abs(now - last) > max(YEAR_MS, self.quiet_ms):
            # nobody knows how long ago: there is no time, or one of the clocks is wrong
            return self._windows - self._touched[anchor] > QUIET_WINDOWS
        return now - last > self.quiet_ms

    def _close(self, leaves: Any) -> list[Change]:
        leaving = sorted(anchor for anchor in self.open if leaves(anchor))
        for anchor in leaving:
            del self._touched[anchor]
            self._spreading.drop(anchor)
        if leaving:
            self.reached.forget(set(leaving))
        return [Change(CLOSED, self.open.pop(anchor), self.daily) for anchor in leaving]

    def _crowded(self) -> list[Change]:
        """Close those idle longest, if there are too many."""
        if len(self.open) <= self.most_open:
            return []
        ranked = sorted(self.open, key=lambda a: (self._touched[a], self.open[a].last or 0, a))
        leaving = set(ranked[: len(self.open) - self.most_open])
        self.early += len(leaving)
        return self._close(leaving.__contains__)

    def _join(self, flows: Flagged) -> list[Change]:
        states: dict[Anchor, str] = {}
        closed: list[Change] = []
        # wide ones first, then by start: a reached host may continue the incident
        for group in sorted(groups(flows), key=_turn):
            when, anchor = group.when, self._home(group)
            if anchor in self.open and not self._is_near(anchor, when):
                closed += self._close(anchor.__eq__)
                states.pop(anchor, None)
            if anchor not in self.open:
                states[anchor] = OPEN
                # without times the very same flow may come again, and open another incident
                number = incident_id(anchor, group.ids[0], None if when else self._windows)
                self.open[anchor] = Incident(number, anchor)
                self._spreading.add(self.open[anchor])
            states.setdefault(anchor, UPDATED)
            incident = self.open[anchor]
            incident.windows += self._touched.get(anchor) != self._windows
            self._touched[anchor] = self._windows
            grow(incident, group)
            if self._watch is not None:
                self._watch(incident, group.ids)
            if anchor.side == "source" and anchor.port != ANY:
                self._reach(group, anchor)
        return closed + [Change(state, self.open[anchor], self.daily) for anchor, state in states.items()]

    def _reach(self, group: Group, anchor: Anchor) -> None:
        """Remember the hosts that an incident reached."""
        for host in group.targets:
            self.reached.put(host, anchor)
        self.reached.trim()

    def _is_near(self, anchor: Anchor, when: tuple[int, int] | None) -> bool:
        """Whether flows of that time can belong to an open incident."""
        incident = self.open[anchor]
        if when is None or incident.first is None or incident.last is None:
            return True
        return when[0] - incident.last <= self.quiet_ms and incident.first - when[1] <= self.quiet_ms

    def _home(self, group: Group) -> Anchor:
        """Return the anchor of the open incident that a group joins, or its own."""
        anchor, used, when = group.anchor, group.used, group.when
        if anchor in self.open and self._is_near(anchor, when):
            return anchor
        service = anchor.protocol, anchor.port
        out = [Anchor("source", anchor.source, "", *of) for of in (service, EVERY)]
        into = [Anchor("destination", "", anchor.destination, *of) for of in (service, EVERY)]
        # on the very service it was reached on: a worm, or somebody who goes from host to host
        reached = [self.reached.get((anchor.source, *used))]
        wider: list[Anchor | None]
        if anchor.side == "pair":
            scan = Anchor("pair", anchor.source, anchor.destination, *EVERY)
            wider = [*(reached if used[1] in REMOTE_PORTS else ()), *out, *into, scan]
        else:
            wider = [*reached, *out] if anchor.side == "source" else []
        near = (a for a in wider if a is not None and a in self.open and self._is_near(a, when))
        if (home := next(near, None)) is not None:
            return home
        home = self._spreading.home(
            anchor, group.sources[0], used, group.middle, lambda a: self._is_near(a, when)
        )
        return home or anchor


def _latest(changes: list[Change]) -> list[Change]:
    """Return each incident once: closed ones first, then opened or updated ones."""
    latest: dict[str, Change] = {}
    for change in changes:
        before = latest.get(change.incident.id)
        # one opened in this window stays ``open``, unless it closed in it too
        if before is None or before.state != OPEN or change.state == CLOSED:
            latest[change.incident.id] = change
    return sorted(latest.values(), key=lambda change: change.state != CLOSED)


def _turn(group: Group) -> tuple[bool, int, Anchor]:
    return group.anchor.side == "pair", group.start, group.anchor


def _stretch(values: Any) -> Stretch:
    """Validate a stretch of the stream's time."""
    flows, first, last = kept.listed(values, "a stretch of time", exactly=3)
    first = kept.whole(first, "times", -kept.LARGEST)
    return kept.whole(flows, "times"), first, kept.whole(last, "times", first)
