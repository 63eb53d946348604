"""Metrics: what a run counted, safe to write from every stage's thread."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections import Counter
from typing import Any


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
    durations_missing
        Flows without a duration.
    bytes_read
        Bytes of input consumed.
    attacks, attack_alerts, benign, benign_alerts
        Flows with a label and alerts among them; labels are only reported, never used.
    sweeps
        Windows by the number of averaging sweeps they needed.
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
        self.durations_missing = 0
        self.bytes_read = 0
        self.attacks = 0
        self.attack_alerts = 0
        self.benign = 0
        self.benign_alerts = 0
        self.last_sweeps = 0
        self.bad_records: Counter[str] = Counter()
        self.sweeps: Counter[int] = Counter()
        self.seconds: dict[str, float] = {}

    def start(self) -> None:
        """Start the clock again, when everything is loaded."""
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
        """Add records that were set aside, by reason."""
        with self._lock:
            self.bad_records.update(reasons)

    def swept(self, sweeps: int) -> None:
        """Note the averaging sweeps of one window."""
        with self._lock:
            self.last_sweeps = sweeps
            self.sweeps[sweeps] += 1

    def spent(self, stage: str, seconds: float) -> None:
        """Add working time of a stage."""
        with self._lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @property
    def wall_seconds(self) -> float:
        """Seconds from start to end, or until now."""
        return (time.perf_counter() if self._ended is None else self._ended) - self._started

    @property
    def flows_per_second(self) -> float:
        """Flows scored per second of wall time."""
        return self.flows / max(self.wall_seconds, 1e-9)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; rates of labelled flows only when there were any."""
        with self._lock:
            facts: dict[str, Any] = {
                "flows": self.flows,
                "windows": self.windows,
                "hosts": self.hosts,
                "pairs": self.pairs,
                "alerts": self.alerts,
                "bad_records": dict(sorted(self.bad_records.items())),
                "durations_missing": self.durations_missing,
                "unseen_hosts": self.unseen_hosts,
                "sweeps": {
                    "last": self.last_sweeps,
                    "max": max(self.sweeps, default=0),
                    "histogram": {str(n): self.sweeps[n] for n in sorted(self.sweeps)},
                },
                "bytes_read": self.bytes_read,
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
    """Largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes
    return int(peak if sys.platform == "darwin" else peak * 1024)
