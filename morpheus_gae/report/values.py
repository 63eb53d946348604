"""Values: gathers all values of a page from files of alerts, flows and a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from morpheus_gae import __version__
from morpheus_gae.detect.threshold import DEFAULT_ALERT_RATE, surprise_of_rate
from morpheus_gae.evaluate.score import read_any
from morpheus_gae.flows.readers.read import expand, read_flows
from morpheus_gae.flows.span import span
from morpheus_gae.incidents.alerts_file import checked
from morpheus_gae.incidents.fold import Change, Fold
from morpheus_gae.incidents.records import iso
from morpheus_gae.incidents.severity import LEVELS, flows_a_day
from morpheus_gae.incidents.stretches import Stretches
from morpheus_gae.report.alerts import Alerts
from morpheus_gae.report.card import card
from morpheus_gae.report.incidents import MOST as MOST_INCIDENTS
from morpheus_gae.report.incidents import folded, read_incidents
from morpheus_gae.report.quality import dead_letters, formats
from morpheus_gae.report.rescored import Rescored, bad_counts
from morpheus_gae.suppress.held import Held

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor
    from morpheus_gae.suppress.rule import Rule

ROWS = 100_000
BEYOND_ONE = 1e-9


@dataclass
class Asked:
    """What a report is made of.

    Attributes
    ----------
    alerts
        Files of alerts, encoding ``plain``.
    flows
        Files of the flows that were scored; none: what needs them is left out.
    incidents
        File of incidents; None: folded from the alerts.
    preset
        Whose columns flows and alerts have, see ``flows.readers.read.read_flows``.
    most
        Alerts that the page lists one by one.
    daily
        Flows a day, for severity; None: told by the flows, or by the alerts and their threshold.
    graph_size
        Flows of a window.
    title
        Of the page.
    rules
        Rules that hold alerts and incidents back.
    """

    alerts: list[str]
    flows: list[str] = field(default_factory=list)
    incidents: str | None = None
    preset: Any = None
    most: int = 20_000
    daily: float | None = None
    graph_size: int = 200_000
    title: str = "Network anomaly report"
    rules: list[Rule] = field(default_factory=list)


def gather(
    asked: Asked,
    executor: Executor | None,
    progress: Callable[[str, int], object],
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Read and score what is asked for.

    Parameters
    ----------
    asked
        Files and options.
    executor
        Scores the flows; its model is shown. None: neither.
    progress
        Is told what is being read, and how many rows of it came.
    say
        Tells the user one line of how columns are read.

    Returns
    -------
    dict
        For ``report.page.page``.

    Raises
    ------
    InputError
        If a file cannot be read, or holds something else.
    """
    alerts, fold = Alerts(asked.most), Fold()
    held = Held(asked.rules, datetime.now(timezone.utc))
    changes: list[Change] = []
    benign, times = 0.0, Stretches()
    files = expand(asked.alerts)
    bad: Counter[str] = Counter()
    for batch in read_flows(files, batch_rows=ROWS, preset=asked.preset):
        bad.update(record.reason.value for record in batch.bad)
        table = checked(batch.flows.table, batch.source)
        progress("alerts", len(batch.flows))
        if not table.num_rows:
            continue
        benign += table.num_rows / max(1.0 - table["threshold"][0].as_py(), BEYOND_ONE)
        when = batch.flows.time_ms
        low, high = (None, None) if when is None else span(when)
        if low is not None and high is not None:
            times.add(table.num_rows, low, high)
        table = held.alerts(table)
        alerts.add(table)
        if asked.incidents is None:
            changes += fold.add(table, table.num_rows, low, high)
    rescored, read_bad = None, Counter[str]()
    if asked.flows and executor is not None:
        limit = alerts.threshold
        rescored = Rescored(
            surprise_of_rate(executor.artifact, DEFAULT_ALERT_RATE) if limit is None else limit
        )
        stream = read_any(expand(asked.flows), read_bad, lambda n: progress("flows", n), asked.preset, say)
        rescored.run(stream, executor, asked.graph_size)
    model = alerts.models.most_common(1)[0][0] if alerts.models else ""
    if asked.incidents is None:
        seen = rescored.flows if rescored is not None and rescored.flows else round(benign)
        daily = asked.daily or flows_a_day(seen, times.first, times.last)
        incidents = folded(held.changes([*changes, *fold.finish()]), daily, model)
    else:
        incidents = read_incidents(asked.incidents)
    return {
        "title": asked.title,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "version": __version__,
        "alerts_total": alerts.count,
        "alerts_model": model,
        "threshold": alerts.threshold,
        "hosts_total": len(alerts.hosts),
        "first": iso(times.first),
        "last": iso(times.last),
        "severities": _by_severity(incidents),
        "incidents_total": len(incidents),
        "incidents": incidents[:MOST_INCIDENTS],
        "alerts": alerts.listed(),
        "timeline": {
            "start": alerts.timeline.start,
            "step": alerts.timeline.step,
            "counts": alerts.timeline.counts.tolist(),
        },
        "held": held.lines(),
        "hosts": alerts.hosts.top(),
        "model": None if executor is None else card(executor.artifact),
        "quality": {
            "files": formats(expand(asked.flows), asked.preset) if asked.flows else [],
            "flows": None if rescored is None else rescored.flows,
            "missing": None if rescored is None else rescored.missing,
            "bad": bad_counts(read_bad),
            "alerts_bad": bad_counts(bad),
            "dead": dead_letters([f"{path}.dead.ndjson" for path in files]),
        },
        **_of_flows(rescored),
    }


def _of_flows(rescored: Rescored | None) -> dict[str, Any]:
    """What only flows that are scored again can tell."""
    if rescored is None or not rescored.flows:
        return {"scored": None, "detection": None}
    told = {"flows": rescored.flows, "flagged": rescored.flagged, "threshold": rescored.threshold}
    shown = {"distribution": rescored.distribution(), "drift": rescored.drift()}
    return {"scored": {**told, **shown}, "detection": rescored.detection()}


def _by_severity(incidents: Iterable[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(one["severity"] for one in incidents)
    return {name: counts[name] for name in (*(name for name, _ in LEVELS), "low")}
