"""Settings: everything a pipeline can be told, whichever option told it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from morpheus_gae.errors import UsageError
from morpheus_gae.flows.files.interfaces import is_interface
from morpheus_gae.sinks.remote.target import is_remote, usual_encoding

if TYPE_CHECKING:
    from morpheus_gae.flows.exporters.mapping import PresetLike

STDIN = STDOUT = "-"
KAFKA = "kafka://"


@dataclass(frozen=True)
class Settings:
    """Settings of one pipeline; None means: not given.

    Attributes
    ----------
    input
        Paths, folders, globs, or ``-``.
    output
        Path, ``-`` for NDJSON on stdout, or the URL of a topic or a server.
    dead_letters
        File for bad records; by default beside the output.
    format
        Encoding of stdin.
    preset
        Whose columns the input has, see ``flows.exporters.layout.NAMES``; found out by default.
    map, columns
        Which of its columns is which of ours, and the names of those of a file without a header; see
        ``flows.exporters.mapping.read_map``.
    pair_seconds
        Seconds between one-way records that are joined to one flow; 0 leaves them as they are.
    model
        Folder of the artifact.
    executor
        ``cpu``, ``cuda``, ``cuda:1``, ... or ``torch``.
    deterministic
        Same bits in every run, see ``executors.open.open_executor``.
    graph_size, window_seconds
        Flows and seconds of a window.
    threshold, alert_rate, adaptive
        See ``detect.threshold.choose_threshold``.
    suppress, suppressed
        File of rules that hold flagged flows back (``suppress.read``), and file that gets these flows.
    learn
        Memory, scale and threshold follow the stream, see ``engine.learning``.
    half_life
        Days in which what was learnt counts half.
    encoding
        Form of an alert, see ``detect.encodings.encoding``; None is the one of ``form``.
    labels
        Name of the label column to report on.
    batch_size
        Rows that are read at a time; results do not depend on it.
    queue
        Windows that wait between two stages.
    description
        In front of the monitor's figures.
    metrics_port, metrics_host
        Where ``/metrics``, ``/healthz`` and ``/readyz`` are served; nowhere if None.
    stall_seconds
        A stage that is in one item for longer counts as stuck.
    log_format
        ``text`` or ``json``.
    reload_seconds
        Time between two looks at the model's folder; None looks only after a SIGHUP.
    grace_seconds
        Time to drain after a SIGTERM.
    group, kafka_config
        Consumer group, and file of options for the Kafka clients.
    exactly_once
        Alerts and the offsets they came from in one transaction.
    fail_fast
        End rather than wait for a Kafka broker or topic at the start.
    output_format
        Of messages with alerts: ``ndjson`` or ``arrow``.
    incidents
        Where incidents go: a file, a topic or a server; None makes none.
    incident_state
        Topic that keeps open incidents with ``exactly_once``; by default beside them, see
        ``incident_state_url``.
    incidents_only
        Alerts are folded into incidents and written nowhere.
    incident_encoding
        Form of an incident, see ``incidents.encodings.encode``; None is the one of ``incident_form``.
    incident_budget, incident_quiet
        See ``engine.incidents``; minutes.
    policy
        File of rules (``suppress.policy``): incidents that break one are told as such.
    refused
        File for alerts that a server refuses.
    retry_seconds
        So long a server that alerts go to may be away.
    state
        File that keeps what was learnt of the traffic.
    checkpoint, checkpoint_seconds
        Folder that keeps where the run is, and the time between two versions (0: after every window).
    """

    input: tuple[str, ...] = ()
    output: str | None = None
    dead_letters: str | None = None
    format: str | None = None
    preset: str | None = None
    pair_seconds: float = 60.0
    map: tuple[str, ...] = ()
    columns: str | None = None
    model: str | None = None
    executor: str = "cpu"
    deterministic: bool = False
    graph_size: int = 200_000
    window_seconds: float | None = None
    threshold: float | None = None
    alert_rate: float | None = None
    adaptive: bool = False
    suppress: str | None = None
    suppressed: str | None = None
    learn: bool = False
    half_life: float = 14.0
    encoding: str | None = None
    labels: str = "Label"
    batch_size: int = 262_144
    queue: int = 2
    description: str = "flows"
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    stall_seconds: float = 300.0
    log_format: str = "text"
    reload_seconds: float | None = None
    grace_seconds: float = 25.0
    group: str | None = None
    kafka_config: str | None = None
    exactly_once: bool = False
    fail_fast: bool = False
    output_format: str = "ndjson"
    incidents: str | None = None
    incident_state: str | None = None
    incidents_only: bool = False
    incident_encoding: str | None = None
    incident_budget: float | None = None
    incident_quiet: float = 60.0
    policy: str | None = None
    refused: str | None = None
    retry_seconds: float = 300.0
    state: str | None = None
    checkpoint: str | None = None
    checkpoint_seconds: float = 1.0

    def overridden(self, given: Mapping[str, Any]) -> Settings:
        """These settings with those given (not None, not empty, not False) in their place.

        Raises
        ------
        UsageError
            If the threshold is told in two ways at once.
        """
        known = {field.name for field in fields(self)}
        # by identity: a threshold of 0 is told, and equals False
        told = {k: v for k, v in given.items() if k in known and v is not None and v is not False and v != ()}
        base = self
        # what a stage is told takes back what the pipeline was told to the contrary
        if "threshold" in told:
            base = replace(base, alert_rate=None, adaptive=False)
        if "alert_rate" in told or "adaptive" in told:
            base = replace(base, threshold=None)
        merged = replace(base, **told)
        if merged.threshold is not None and (merged.alert_rate is not None or merged.adaptive):
            raise UsageError("--threshold excludes --alert_rate and --adaptive: give one or the other")
        return merged

    @property
    def dead_letters_path(self) -> str | None:
        """Where bad records go: beside the output by default, nowhere if that is stdout."""
        if self.dead_letters is not None:
            return self.dead_letters
        if self.output is None or self.output == STDOUT:
            return None
        if self.output.startswith(KAFKA):
            return f"{self.output}.dead"
        if is_remote(self.output):
            # with a checkpoint they can be cut back with it
            return None if self.checkpoint is None else os.path.join(self.checkpoint, "dead.ndjson")
        return f"{self.output}.dead.ndjson"

    @property
    def form(self) -> str:
        """The encoding of alerts: the one asked for, or the usual one of the output."""
        return self.encoding or usual_encoding(self.output)

    @property
    def incident_form(self) -> str:
        """The encoding of incidents: the one asked for, that of alerts, or the usual one of where they go."""
        alerts = None if self.encoding == "cef" else self.encoding
        return self.incident_encoding or alerts or usual_encoding(self.incidents)

    @property
    def incident_state_url(self) -> str | None:
        """Topic that keeps open incidents, in the transactions of a run; None where there are none."""
        if not self.exactly_once or self.incidents is None or not self.incidents.startswith(KAFKA):
            return None
        if self.incident_state is None:
            return f"{self.incidents}.state"
        return f"{self.incidents.rpartition('/')[0]}/{self.incident_state}"

    @property
    def layout(self) -> PresetLike:
        """What readers take for ``preset``: the name, or what ``map`` and ``columns`` tell over it.

        Raises
        ------
        UsageError
            If these cannot be understood.
        """
        from morpheus_gae.flows.exporters.mapping import read_map

        return read_map(self.map, self.columns, self.preset)

    @property
    def live(self) -> bool:
        """Whether an input is a topic, an interface, a pipe or a terminal: flows come when they come."""
        return any(_is_live(path) for path in self.input)


def _is_live(path: str) -> bool:
    if path.startswith(KAFKA) or is_interface(path):
        return True
    try:
        if path == STDIN:
            return _is_pipe(os.fstat(0).st_mode) or os.isatty(0)
        return _is_pipe(os.stat(path).st_mode)
    except OSError:
        return False


def _is_pipe(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
