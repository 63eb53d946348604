"""Incidents of a running pipeline: writes records of opened, updated and closed incidents.

An incident is written when it opens, when it closes, and in between on changes: another kind or severity, or
a tenth more flows than in the last record; at most once per window. Incidents that benign traffic would show
more often than the budget are not written until they become more severe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.seen import Seen
from morpheus_gae.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.engine.run.operators import AlertSink
    from morpheus_gae.engine.window import Window
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.incidents.fold import Change

NEWS = 1.1
"""Growth in flows since the last record from which an incident is written again."""
Encode = Callable[[Sequence["Change"], str], "pa.Table"]
Keep = Callable[[list["Change"], set[str]], list["Change"]]


class IncidentStream:
    """Folds the flagged flows of each window and writes the changes of incidents.

    Parameters
    ----------
    sink
        Sink of the records.
    encode
        Changes and ``name@hash`` to rows for the sink.
    metrics
        Counts incidents.
    say
        Reports one line to the user.
    quiet_ms
        Idle time after which an incident is closed.
    budget
        Maximum false incidents per day: less severe incidents are left out; None writes all.
    mark
        Marks incidents with the policy rule they violate.
    keep
        Drops suppressed incidents, by rules, and adds their ids to those that were counted
        (``Suppression.incidents``).
    alone
        Whether the metrics show only its open incidents.

    Attributes
    ----------
    windows
        Number of windows added.
    """

    def __init__(
        self,
        sink: AlertSink,
        encode: Encode,
        metrics: Metrics,
        say: Callable[[str], None],
        quiet_ms: int,
        budget: float | None = None,
        keep: Keep = lambda changes, counted: changes,
        mark: Callable[[list[Change]], None] = lambda changes: None,
        alone: bool = True,
    ) -> None:
        from morpheus_gae.incidents.fold import Fold

        self._sink, self._encode, self._metrics, self._say = sink, encode, metrics, say
        self._budget, self._keep, self._mark, self._alone = budget, keep, mark, alone
        self._fold = Fold(quiet_ms)
        # last record of each open incident: flows, kind and severity
        self._told: dict[str, tuple[int, str, str]] = {}
        # open incidents that were counted as suppressed
        self._held: set[str] = set()
        self._model = ""
        self._early = 0
        self.windows = 0

    def ready(self, window: Window) -> None:
        """Do nothing: saved state is restored at creation."""

    def add(self, alerts: pa.Table, flows: Flows, model: str, seen: Seen | None = None) -> None:
        """Take a window.

        Parameters
        ----------
        alerts
            Its alert rows.
        flows
            Its flows.
        model
            ``name@hash``.
        seen
            Size and times of the window before rows were dropped from ``flows``; None if none were.
        """
        self._model = model
        self.windows += 1
        self._write(self._fold.add(alerts, *(seen or Seen.of(flows))))

    def flush(self) -> None:
        """Flush the sink."""
        self._sink.flush()

    def finish(self) -> None:
        """Close all open incidents at the end of the stream."""
        self._write(self._fold.finish())

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()

    @property
    def open(self) -> int:
        """Return the number of open incidents."""
        return len(self._fold.open)

    def parts(self, every: bool = False) -> tuple[dict[str, Any], set[str]]:
        """Return the parts changed by the last window, or all, and all names; see ``incidents.parts``."""
        from morpheus_gae.incidents.parts import changed, names

        return changed(self._fold, self._told, self._model, every), names(self._fold)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, for ``restore``."""
        told = [[i, *told] for i, told in self._told.items()]
        # the model too: the stream may end without another window
        return {"fold": self._fold.as_dict(), "told": told, "model": self._model}

    def restore(self, values: dict[str, Any], where: str) -> None:
        """Restore from ``as_dict``.

        Raises
        ------
        InputError
            If it is invalid; ``where`` names the file.
        """
        try:
            told = {str(i): (int(n), str(kind), str(grade)) for i, n, kind, grade in values["told"]}
            model = str(values["model"])
            self._fold.restore(values["fold"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
            raise InputError(f"{where} is damaged: its incidents cannot be read; remove it") from None
        self._told, self._model, self._early = told, model, self._fold.early
        self._tell_open()

    def _write(self, changes: list[Change]) -> None:
        from morpheus_gae.incidents.fold import CLOSED, OPEN

        self._mark(changes)
        news = []
        # incidents once written are written to their end, whatever the rules say now
        new = [change for change in changes if change.incident.id not in self._told]
        kept = {change.incident.id for change in self._keep(new, self._held)} | self._told.keys()
        self._held -= {change.incident.id for change in changes if change.state == CLOSED}
        for change, kind, severity in self._news([one for one in changes if one.incident.id in kept]):
            known = change.incident.id in self._told
            if known or change.state == CLOSED:
                news.append(change)
            else:
                news.append(change._replace(state=OPEN))
            if not known:
                self._metrics.incident(kind, severity)
            if change.state == CLOSED:
                self._told.pop(change.incident.id, None)
            else:
                self._told[change.incident.id] = (change.incident.flows, kind, severity)
        if self._fold.early > self._early:
            if not self._early:
                told = "Warning: too many open incidents: the quietest are closed early"
                self._say(Line(told, "incidents_closed_early"))
            self._metrics.add(incidents_closed_early=self._fold.early - self._early)
            self._early = self._fold.early
        self._tell_open()
        if news:
            self._sink.add(self._encode(news, self._model))

    def _tell_open(self) -> None:
        if self._alone:
            self._metrics.incidents(self.open)

    def _news(self, changes: list[Change]) -> list[tuple[Change, str, str]]:
        """Return the changes to write, with kind and severity."""
        from morpheus_gae.incidents.fold import CLOSED
        from morpheus_gae.incidents.kinds import kind_of
        from morpheus_gae.incidents.severity import false_a_day, severity

        out = []
        for change in changes:
            found = change.incident
            expected = false_a_day(found.pooled, change.daily)
            told = self._told.get(found.id)
            if told is None and self._budget is not None and expected > self._budget:
                continue
            kind, grade = kind_of(found).name, severity(expected)
            if change.state == CLOSED or told is None or _is_news(found.flows, kind, grade, told):
                out.append((change, kind, grade))
        return out


def _is_news(flows: int, kind: str, grade: str, told: tuple[int, str, str]) -> bool:
    return flows >= NEWS * told[0] or (kind, grade) != told[1:]
