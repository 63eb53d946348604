"""Prometheus: the counters of a run, collected at each scrape.

Labels are stages, reasons, names of rules, topics, partitions, quantiles and the model; never an address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from morpheus_gae.engine.observe.metrics import LATENCY_BOUNDS, Metrics

if TYPE_CHECKING:
    from prometheus_client.core import CollectorRegistry, Metric

PREFIX = "morpheus_gae_"
SWEEP_BOUNDS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)

COUNTERS = {
    "flows": "Flows scored.",
    "windows": "Windows scored.",
    "alerts": "Flows flagged.",
    "bytes_read": "Bytes of input consumed.",
    "hosts": "Hosts, summed over windows.",
    "pairs": "Distinct host pairs, summed over windows.",
    "unseen_hosts": "Hosts that the memory of the model does not know, summed over windows.",
    "durations_missing": "Flows without a duration.",
    "paired": "Flows put together from two one-way records.",
    "unpaired": "One-way records that no other came for.",
    "kafka_messages": "Kafka messages read.",
    "kafka_commits": "Kafka commits that succeeded.",
    "kafka_commit_failures": "Kafka commits that failed.",
    "kafka_rebalances": "Times that the partitions of this process changed.",
    "kafka_transactions_aborted": "Kafka transactions rolled back.",
    "delivered_alerts": "Alerts and incidents that a server has acknowledged.",
    "delivery_retries": "Alerts and incidents that were sent again: the server was away, or had no time.",
    "refused_alerts": "Alerts and incidents that a server will never take (--refused keeps them).",
    "learnt_flows": "Flows that were learnt from (--learn).",
    "incidents_closed_early": "Incidents that were closed before their time: too many were open.",
    "reloads": "Models swapped in while running.",
    "reload_failures": "Models that could not be loaded while running; the old one went on.",
    "http_refused": "Connections to this port that were turned away, for there were too many at once.",
    "http_cut_off": "Connections to this port that were ended, for they took too long.",
}
"""Counters by name; the value is the attribute of ``Metrics`` of this name, without ``kafka_``."""

LABELLED = {
    "dead_letters": "Records set aside, by reason.",
    "skipped": "Records that are neither flows nor bad, by reason.",
    "noted": "Flows that were read with something put right, by what.",
    "decoded": "Records read in GPU mode, by who decoded them: cudf or host.",
    "suppressed": "Flagged flows that are no alerts, by the rule of --suppress that held them back.",
    "incidents_opened": "Incidents written for the first time, by kind and severity.",
    "suppressed_incidents": "Incidents that are not told, by the rule of --suppress that held them back.",
    "stage_seconds": "Working time of each stage.",
}
GAUGES = {
    "incidents_open": "Incidents that are open.",
    "kafka_lag": "Messages of each partition that are still to be read.",
    "queue_depth": "Items that wait before each stage.",
    "score_quantile": "Quantiles of the recent surprise (nats); older flows count less.",
    "drift": "Population stability index of the recent surprise against the model's validation flows.",
    "learning_pairs": "Pairs in the memory that follows the stream, candidates that wait, and barred ones.",
    "listening": "Whether a memory that began empty still listens and alerts nothing.",
    "listening_flows": "Flows that it listens to at least before alerts begin.",
    "model_info": "The model that scores; always 1.",
    "threshold": "Threshold on the surprise (nats) of the last window.",
}
PAIR_STATES = ("learnt", "candidates", "barred")
HISTOGRAMS = {
    "window_seconds": "From the arrival of a window's first flow to the delivery of its alerts.",
    "sweeps": "Averaging sweeps until a window's graph had converged.",
}


def metric_names() -> set[str]:
    """Return the names of all metrics, without those of the process and of Python."""
    counters = {f"{PREFIX}{name}_total" for name in (*COUNTERS, *LABELLED)}
    return counters | {f"{PREFIX}{name}" for name in (*GAUGES, *HISTOGRAMS)}


class MetricsCollector:
    """Collector for ``prometheus_client``: builds metrics from the counters when scraped.

    Parameters
    ----------
    metrics
        Metrics, read only.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> list[Metric]:
        """Return nothing: the metrics depend on the run."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all current metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        m = self._metrics
        for name, text in COUNTERS.items():
            yield CounterMetricFamily(PREFIX + name, text, value=getattr(m, name.removeprefix("kafka_")))
        for name, label, values in (
            ("dead_letters", "reason", dict(m.bad_records)),
            ("skipped", "reason", dict(m.skipped)),
            ("noted", "what", dict(m.noted)),
            ("decoded", "by", dict(m.decoded)),
            ("suppressed", "rule", dict(m.suppressed)),
            ("suppressed_incidents", "rule", dict(m.suppressed_incidents)),
            ("stage_seconds", "stage", dict(m.seconds)),
        ):
            counter = CounterMetricFamily(PREFIX + name, LABELLED[name], labels=[label])
            for reason, count in values.items():
                counter.add_metric([reason], count)
            yield counter
        opened = CounterMetricFamily(
            PREFIX + "incidents_opened", LABELLED["incidents_opened"], labels=["kind", "severity"]
        )
        for (kind, grade), count in dict(m.incidents_opened).items():
            opened.add_metric([kind, grade], count)
        yield opened
        quantiles, drift = m.score_quantiles()
        learning = dict(m.learning)
        gauges: dict[str, tuple[list[str], dict[tuple[str, ...], float]]] = {
            "kafka_lag": (["topic", "partition"], _lag(m)),
            "queue_depth": (["stage"], {(stage,): n for stage, n in m.queues().items()}),
            "score_quantile": (["quantile"], {(f"{q:g}",): value for q, value in quantiles.items()}),
            "drift": ([], {} if drift is None else {(): drift}),
            "incidents_open": ([], {} if m.incidents_open is None else {(): float(m.incidents_open)}),
            "learning_pairs": (["state"], {(s,): float(n) for s, n in learning.items() if s in PAIR_STATES}),
            "listening": ([], _only(learning, "listening")),
            "listening_flows": ([], _only(learning, "listening_flows")),
            "model_info": (["name", "hash"], {} if m.model is None else {m.model: 1.0}),
            "threshold": ([], {} if m.threshold is None else {(): m.threshold}),
        }
        for name, (labels, known) in gauges.items():
            gauge = GaugeMetricFamily(PREFIX + name, GAUGES[name], labels=labels)
            for key, value in known.items():
                gauge.add_metric(list(key), value)
            yield gauge
        yield from self._histograms()

    def _histograms(self) -> Iterator[Metric]:
        m = self._metrics
        counts, seconds = list(m.latency), m.latency_seconds
        yield _histogram("window_seconds", LATENCY_BOUNDS, counts, seconds)
        swept = dict(m.sweeps)
        classes = [0] * (len(SWEEP_BOUNDS) + 1)
        for sweeps, windows in swept.items():
            classes[sum(bound < sweeps for bound in SWEEP_BOUNDS)] += windows
        yield _histogram("sweeps", SWEEP_BOUNDS, classes, sum(n * windows for n, windows in swept.items()))


def _histogram(name: str, bounds: tuple[float, ...], counts: list[int], total: float) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    buckets, seen = [], 0
    for bound, count in zip((*bounds, None), counts, strict=True):
        seen += count
        buckets.append(("+Inf" if bound is None else str(float(bound)), seen))
    return HistogramMetricFamily(PREFIX + name, HISTOGRAMS[name], buckets=buckets, sum_value=float(total))


def _only(values: dict[str, int], name: str) -> dict[tuple[str, ...], float]:
    return {(): float(values[name])} if name in values else {}


def _lag(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return the lag by topic and partition, of a run that reads Kafka."""
    return {(topic, str(partition)): float(behind) for (topic, partition), behind in metrics.lag.items()}


def registry_of(metrics: Metrics) -> CollectorRegistry:
    """Create a registry with these counters, the process's and the garbage collector's."""
    from prometheus_client import GCCollector, ProcessCollector
    from prometheus_client.core import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(MetricsCollector(metrics))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
