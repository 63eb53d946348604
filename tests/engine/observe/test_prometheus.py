from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.prometheus import COUNTERS, metric_names, registry_of
from tests.engine.toys import ToyExecutor


def samples(metrics: Metrics) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(generate_latest(registry_of(metrics)).decode()):
        for s in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(s.labels.items()))
            found[f"{s.name}{{{labels}}}" if labels else s.name] = s.value
    return {name.removeprefix("morpheus_gae_"): value for name, value in found.items()}


def test_a_run_that_has_not_begun() -> None:
    found = samples(Metrics())
    assert {found[f"{name}_total"] for name in COUNTERS} == {0.0}
    assert found["window_seconds_count"] == found["sweeps_count"] == 0
    # what nobody knows yet is not there, rather than 0
    assert not [
        name
        for name in found
        if name.startswith(("learning", "listening", "drift", "threshold", "model_info", "score_quantile"))
    ]


def test_everything_that_is_counted_is_shown() -> None:
    metrics = Metrics()
    metrics.follow_scores()
    artifact = ToyExecutor().artifact
    metrics.serving(artifact)
    metrics.add(**dict.fromkeys(("flows", "windows", "alerts", "hosts", "pairs", "unseen_hosts"), 3))
    metrics.add(durations_missing=4, bytes_read=5, reloads=1, reload_failures=2)
    metrics.bad(Counter({"broken_json": 2, "not_utf8": 1}))
    metrics.scored(np.full(1000, 2.0, np.float32), 1.5)
    metrics.swept(3)
    metrics.swept(100_000)
    metrics.delivered(0.03)
    metrics.delivered(1e9)
    metrics.spent("infer-gae", 1.25)
    metrics.queues = lambda: {"infer-gae": 2}
    metrics.lag = {("flows", 0): 7, ("flows", 1): 0}
    metrics.commits = 9
    metrics.learns({"learnt": 30, "candidates": 20, "barred": 10})
    metrics.listens(True, 5000)
    found = samples(metrics)
    assert found["kafka_commits_total"] == 9
    assert [found[f"learning_pairs{{state={s}}}"] for s in ("learnt", "candidates", "barred")] == [30, 20, 10]
    assert (found["listening"], found["listening_flows"]) == (1, 5000)
    assert found["flows_total"] == found["unseen_hosts_total"] == 3
    assert found["dead_letters_total{reason=broken_json}"] == 2
    assert found["reload_failures_total"] == 2
    assert found["stage_seconds_total{stage=infer-gae}"] == 1.25
    assert found["queue_depth{stage=infer-gae}"] == 2
    assert found["kafka_lag{partition=0,topic=flows}"] == 7
    assert found["model_info{hash=0123456789ab,name=toy}"] == 1
    assert found["threshold"] == 1.5
    assert found["score_quantile{quantile=0.99}"] == pytest.approx(2.0, rel=0.01)
    assert found["drift"] > 1
    assert (found["sweeps_bucket{le=2.0}"], found["sweeps_bucket{le=3.0}"]) == (0, 1)
    assert (found["sweeps_bucket{le=128.0}"], found["sweeps_bucket{le=+Inf}"]) == (1, 2)
    assert found["sweeps_sum"] == 100_003
    assert (found["window_seconds_bucket{le=0.025}"], found["window_seconds_bucket{le=0.05}"]) == (0, 1)
    assert (found["window_seconds_bucket{le=300.0}"], found["window_seconds_count"]) == (1, 2)
    assert "process_cpu_seconds_total" in found


def test_names_have_the_shape_that_prometheus_wants() -> None:
    text = generate_latest(registry_of(Metrics())).decode()
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE morpheus_gae_")}
    assert shown == metric_names()
    assert all(name == name.lower() for name in shown)


def test_reading_does_not_disturb_counting() -> None:
    metrics = Metrics()
    metrics.add(flows=1)
    registry = registry_of(metrics)
    first, second = generate_latest(registry), generate_latest(registry)
    ours = [[line for line in text.splitlines() if b"morpheus_gae_" in line] for text in (first, second)]
    assert ours[0] == ours[1]
