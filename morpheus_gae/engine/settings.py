"""Settings: all settings of a pipeline."""

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
        Layout of the input's columns, see ``flows.exporters.presets.names.NAMES``; detected by default.
    map, columns
        Map from input columns to canonical ones, and column names of a file without a header; see
        ``flows.exporters.mapping.read_map``.
    pair_seconds
        Maximum seconds between one-way records paired to one flow; 0: no pairing.
    model
        Folder of the artifact.
    executor
        ``cpu``, ``cuda``, ``cuda:1``, ... or ``torch``.
    deterministic
        Bit-identical results, see ``executors.open.open_executor``.
    graph_size, window_seconds
        Maximum flows and seconds of a window.
    threshold, alert_rate, adaptive
        See ``detect.threshold.choose_threshold``.
    suppress, suppressed
        File of suppression rules (``suppress.read``), and file for suppressed flows.
    learn
        Online learning of memory, calibration and threshold, see ``engine.learning``.
    half_life
        Half-life of learnt counters in days.
    encoding
        Encoding of alerts, see ``detect.encodings.encoding``; None: that of ``form``.
    labels
        Name of the label column to report on.
    batch_size
        Rows per batch of a reader; results do not depend on it.
    queue
        Capacity of the queues between stages, in windows.
    description
        Label of the monitor.
    metrics_port, metrics_host
        Address of ``/metrics``, ``/healthz`` and ``/readyz``; not served if None.
    stall_seconds
        A stage that works on one item for longer counts as stuck.
    log_format
        ``text`` or ``json``.
    reload_seconds
        Polling interval of the model's folder; None: only after a SIGHUP.
    grace_seconds
        Time to drain after a SIGTERM.
    group, kafka_config
        Consumer group, and file of options for the Kafka clients.
    exactly_once
        Write alerts and commit offsets in one transaction.
    fail_fast
        Fail instead of waiting for a Kafka broker or topic at the start.
    output_format
        Format of messages with alerts: ``ndjson`` or ``arrow``.
    incidents
        Where incidents go: a file, a topic or a server; None makes none.
    incident_state
        Topic that keeps open incidents with ``exactly_once``; by default beside them, see
        ``incident_state_url``.
    incidents_only
        Write only incidents, no alerts.
    incident_encoding
        Encoding of incidents, see ``incidents.encodings.encode``; None: that of ``incident_form``.
    incident_budget, incident_quiet
        See ``engine.incidents``; minutes.
    policy
        File of policy rules (``suppress.policy``): incidents that violate one are marked.
    refused
        File for alerts refused by a server.
    retry_seconds
        Maximum time that an alert server may be unavailable.
    state
        File for the learnt state.
    checkpoint, checkpoint_seconds
        Folder of the checkpoint, and the time between two checkpoints (0: after every window).
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
        """Return a copy with the given settings (not None, empty or False) replaced.

        Raises
        ------
        UsageError
            If the threshold is given in two ways at once.
        """
        known = {field.name for field in fields(self)}
        # by identity: a threshold of 0 is given, and equals False
        told = {k: v for k, v in given.items() if k in known and v is not None and v is not False and v != ()}
        base = self
        # an option of a stage overrides contrary ones of the pipeline
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
        """Return the path of the dead letters: beside the output by default, none if that is stdout."""
        if self.dead_letters is not None:
            return self.dead_letters
        if self.output is None or self.output == STDOUT:
            return None
        if self.output.startswith(KAFKA):
            return f"{self.output}.dead"
        if is_remote(self.output):
            # with a checkpoint they can be truncated with it
            return None if self.checkpoint is None else os.path.join(self.checkpoint, "dead.ndjson")
        return f"{self.output}.dead.ndjson"

    @property
    def form(self) -> str:
        """Return the encoding of alerts: the requested one, or the output's default."""
        return self.encoding or usual_encoding(self.output)

    @property
    def incident_form(self) -> str:
        """Return the encoding of incidents: the requested one, that of alerts, or the output's default."""
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
        """Return the layout for readers: the preset, or ``map`` and ``columns`` applied to it.

        Raises
        ------
        UsageError
            If these are invalid.
        """
        from morpheus_gae.flows.exporters.mapping import read_map

        return read_map(self.map, self.columns, self.preset)

    @property
    def live(self) -> bool:
        """Whether an input is live: a topic, an interface, a pipe or a terminal."""
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
