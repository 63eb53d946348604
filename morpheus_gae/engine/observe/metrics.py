"""Metrics: counters of a run, thread-safe."""

from __future__ import annotations

import resource
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from morpheus_gae.detect.recent import RecentScores
    from morpheus_gae.model.artifact import Artifact

LATENCY_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds, in seconds, of the classes that latencies are counted in."""


class Metrics:
    """Counters and gauges of one run.

    Attributes
    ----------
    flows, windows, alerts
        Flows scored, windows they came in, flows flagged.
    hosts, pairs, unseen_hosts
        Hosts, distinct host pairs, and hosts that the model's memory does not know, summed over windows.
    bad_records
        Records set aside, by reason.
    skipped
        Records that are neither flows nor bad, by reason.
    noted
        Flows that were read with something put right, by what.
    decoded
        Records read in GPU mode, by who decoded them: ``cudf`` or ``host``; empty in other modes.
    suppressed
        Suppressed flagged flows, by rule.
    suppressed_incidents
        Suppressed incidents, by rule.
    paired, unpaired
        Flows made of two one-way records, and one-way records without a partner.
    durations_missing
        Flows without a duration.
    bytes_read
        Bytes of input consumed.
    attacks, attack_alerts, benign, benign_alerts
        Flows with a label and alerts among them; labels are only reported, never used.
    sweeps
        Windows by the number of averaging sweeps they needed.
    latency
        Histogram of windows over ``LATENCY_BOUNDS`` (and above) by latency: the time from the arrival of
        their first flow at build-graph to the delivery of their alerts.
    latency_seconds
        Sum of these latencies.
    messages, commits, commit_failures, rebalances, transactions_aborted
        Kafka messages read, offset commits and their failures, rebalances, aborted transactions.
    lag
        Consumer lag by topic and partition, of those assigned to this process.
    reloads, reload_failures
        Hot reloads of the model, and failed ones.
    http_refused, http_cut_off
        Connections to the metrics' port that were refused (too many), and cut off (too slow).
    delivered_alerts, delivery_retries, refused_alerts
        Alerts acknowledged by a server, retried, and permanently refused.
    incidents_open, incidents_opened, incidents_closed_early
        Open incidents (None without ``--incidents``), incidents written for the first time, by kind and
        severity, and those closed early because too many were open.
    learnt_flows
        Flows learnt from, with online learning.
    learning
        Pairs in memory, candidates, and barred ones, and flows of the warm-up; empty without online learning.
    model
        Name and hash of the current model, once loaded.
    threshold
        Threshold on the surprise of the last window.
    recent
        Tracks the scores, if enabled.
    queues
        Returns the queue length before each stage.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.perf_counter()
        self._ended: float | None = None
        self.flows = 0
        self.windows = 0
        self.alerts = 0
        self.hosts = 0
        self.pairs = 0
        self.unseen_hosts = 0
        self.paired = 0
        self.unpaired = 0
        self.durations_missing = 0
        self.bytes_read = 0
        self.attacks = 0
        self.attack_alerts = 0
        self.benign = 0
        self.benign_alerts = 0
        self.last_sweeps = 0
        self.bad_records: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()
        self.decoded: Counter[str] = Counter()
        self.suppressed: Counter[str] = Counter()
        self.suppressed_incidents: Counter[str] = Counter()
        self.sweeps: Counter[int] = Counter()
        self.seconds: dict[str, float] = {}
        self.latency = [0] * (len(LATENCY_BOUNDS) + 1)
        self.latency_seconds = 0.0
        self.messages = 0
        self.commits = 0
        self.commit_failures = 0
        self.rebalances = 0
        self.transactions_aborted = 0
        self.lag: dict[tuple[str, int], int] = {}
        self.reloads = 0
        self.reload_failures = 0
        self.delivered_alerts = 0
        self.delivery_retries = 0
        self.refused_alerts = 0
        self.incidents_open: int | None = None
        self.incidents_opened: Counter[tuple[str, str]] = Counter()
        self.incidents_closed_early = 0
        self.learnt_flows = 0
        self.learning: dict[str, int] = {}
        self.http_refused = 0
        self.http_cut_off = 0
        self.model: tuple[str, str] | None = None
        self._artifact: Artifact | None = None
        self.threshold: float | None = None
        self.recent: RecentScores | None = None
        self.queues: Callable[[], dict[str, int]] = dict

    def start(self) -> None:
        """Restart the clock when everything is loaded."""
        with self._lock:
            self._started = time.perf_counter()

    def end(self) -> None:
        """Stop the clock."""
        with self._lock:
            self._ended = time.perf_counter()

    def add(self, **counts: int) -> None:
        """Add to counters, by attribute name."""
        with self._lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + int(count))

    def bad(self, reasons: Counter[str]) -> None:
        """Add bad records, by reason."""
        with self._lock:
            self.bad_records.update(reasons)

    def skip(self, reasons: Counter[str]) -> None:
        """Add skipped records, by reason."""
        with self._lock:
            self.skipped.update(reasons)

    def note(self, what: Counter[str]) -> None:
        """Add corrected flows, by kind of correction."""
        with self._lock:
            self.noted.update(what)

    def decode(self, records: int, by_host: int) -> None:
        """Add records of GPU mode, and how many of them the host decoded."""
        with self._lock:
            self.decoded.update(cudf=records - by_host, host=by_host)

    def suppress(self, rules: Counter[str]) -> None:
        """Add suppressed flows, by rule; unused rules count 0."""
        with self._lock:
            self.suppressed.update(rules)

    def suppress_incidents(self, rules: Counter[str]) -> None:
        """Add suppressed incidents, by rule, like ``suppress``."""
        with self._lock:
            self.suppressed_incidents.update(rules)

    def lags(self, behind: dict[tuple[str, int], int]) -> None:
        """Set the consumer lag of the assigned partitions."""
        with self._lock:
            self.lag = behind

    def swept(self, sweeps: int) -> None:
        """Record the averaging sweeps of one window."""
        with self._lock:
            self.last_sweeps = sweeps
            self.sweeps[sweeps] += 1

    def spent(self, stage: str, seconds: float) -> None:
        """Add working time of a stage."""
        with self._lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def scored(self, surprise: npt.NDArray[np.float64], threshold: float) -> None:
        """Record the surprise of a window's flows and its threshold."""
        with self._lock:
            self.threshold = float(threshold)
            if self.recent is not None:
                self.recent.add(surprise)

    def delivered(self, seconds: float) -> None:
        """Record the latency of a window."""
        with self._lock:
            self.latency[bisect_left(LATENCY_BOUNDS, seconds)] += 1
            self.latency_seconds += seconds

    def incidents(self, open_now: int) -> None:
        """Set the number of open incidents."""
        with self._lock:
            self.incidents_open = open_now

    def incident(self, kind: str, severity: str) -> None:
        """Count an incident that is written for the first time."""
        with self._lock:
            self.incidents_opened[kind, severity] += 1

    def learns(self, pairs: dict[str, int]) -> None:
        """Set the numbers of learnt pairs, candidates and barred ones."""
        with self._lock:
            self.learning.update(pairs)

    def listens(self, listening: bool, missing: int) -> None:
        """Set whether alerts have yet to begin, and the minimum number of flows before."""
        with self._lock:
            self.learning.update(listening=int(listening), listening_flows=missing)

    def serving(self, artifact: Artifact) -> None:
        """Set the current model, and restart its score statistics."""
        with self._lock:
            if self.model != (artifact.name, artifact.hash):
                self.model, self._artifact = (artifact.name, artifact.hash), artifact
                if self.recent is not None:
                    self.recent.follow(artifact)

    def follow_scores(self) -> None:
        """Track the recent scores from now on."""
        from morpheus_gae.detect.recent import RecentScores

        with self._lock:
            if self.recent is None:
                self.recent = RecentScores()
                if self._artifact is not None:
                    self.recent.follow(self._artifact)

    def scores(self) -> RecentScores | None:
        """Return a copy of the score statistics."""
        with self._lock:
            return None if self.recent is None else self.recent.copy()

    def score_quantiles(self) -> tuple[dict[float, float], float | None]:
        """Return quantiles of the recent surprise, and its drift; empty if not tracked."""
        with self._lock:
            if self.recent is None:
                return {}, None
            return self.recent.quantiles(), self.recent.drift()

    def _kafka(self) -> dict[str, Any]:
        if not self.rebalances:
            return {}
        names = ("messages", "commits", "commit_failures", "rebalances", "transactions_aborted")
        lag = {f"{topic}/{partition}": n for (topic, partition), n in sorted(self.lag.items())}
        return {"kafka": {**{name: getattr(self, name) for name in names}, "lag": lag}}

    def _suppressed(self) -> dict[str, Any]:
        names = ("suppressed", "suppressed_incidents")
        return {name: dict(sorted(counts.items())) for name in names if (counts := getattr(self, name))}

    def _delivery(self) -> dict[str, Any]:
        names = ("delivered_alerts", "delivery_retries", "refused_alerts")
        counts = {name: getattr(self, name) for name in names}
        return {"delivery": counts} if any(counts.values()) else {}

    def _incidents(self) -> dict[str, Any]:
        if self.incidents_open is None:
            return {}
        opened: Counter[str] = Counter()
        for (_, severity), count in self.incidents_opened.items():
            opened[severity] += count
        return {"incidents": {"open": self.incidents_open, "opened": dict(sorted(opened.items()))}}

    @property
    def wall_seconds(self) -> float:
        """Return the seconds from start to end, or until now."""
        return (time.perf_counter() if self._ended is None else self._ended) - self._started

    @property
    def flows_per_second(self) -> float:
        """Return the flows scored per second of wall time."""
        return self.flows / max(self.wall_seconds, 1e-9)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; rates of labelled flows only if there were any."""
        with self._lock:
            facts: dict[str, Any] = {
                "flows": self.flows,
                "windows": self.windows,
                "hosts": self.hosts,
                "pairs": self.pairs,
                "alerts": self.alerts,
                "bad_records": dict(sorted(self.bad_records.items())),
                "skipped": dict(sorted(self.skipped.items())),
                "noted": dict(sorted(self.noted.items())),
                **({"decoded": dict(sorted(self.decoded.items()))} if self.decoded else {}),
                **self._suppressed(),
                "paired": self.paired,
                "unpaired": self.unpaired,
                "durations_missing": self.durations_missing,
                "unseen_hosts": self.unseen_hosts,
                "sweeps": {
                    "last": self.last_sweeps,
                    "max": max(self.sweeps, default=0),
                    "histogram": {str(n): self.sweeps[n] for n in sorted(self.sweeps)},
                },
                "bytes_read": self.bytes_read,
                **self._kafka(),
                **self._delivery(),
                **self._incidents(),
                **({"learning": {"flows": self.learnt_flows, **self.learning}} if self.learning else {}),
                "seconds": {name: round(value, 6) for name, value in self.seconds.items()},
                "wall_seconds": self.wall_seconds,
                "flows_per_second": self.flows_per_second,
                "peak_memory_bytes": peak_memory_bytes(),
            }
            if self.attacks or self.benign:
                facts["labels"] = {
                    "attacks": self.attacks,
                    "benign": self.benign,
                    "tpr": self.attack_alerts / self.attacks if self.attacks else None,
                    "fpr": self.benign_alerts / self.benign if self.benign else None,
                }
            return facts


def peak_memory_bytes() -> int:
    """Return the peak resident set size of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes
    return int(peak if sys.platform == "darwin" else peak * 1024)
