from __future__ import annotations

import json
import threading
from collections import Counter

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.summary import summary


def test_counts_from_many_threads_add_up() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(200):
            metrics.add(flows=1, hosts=2)
            metrics.spent("stage", 0.5)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (metrics.flows, metrics.hosts) == (800, 1600)
    assert metrics.seconds == {"stage": 400.0}


def test_as_dict_is_json_and_holds_rates_only_with_labels() -> None:
    metrics = Metrics()
    metrics.add(flows=10, windows=2, alerts=3)
    metrics.bad(Counter({"broken_json": 2}))
    metrics.swept(3)
    metrics.swept(5)
    metrics.end()
    facts = json.loads(json.dumps(metrics.as_dict()))
    assert facts["bad_records"] == {"broken_json": 2}
    assert facts["sweeps"] == {"last": 5, "max": 5, "histogram": {"3": 1, "5": 1}}
    assert facts["peak_memory_bytes"] > 1_000_000
    assert facts["flows_per_second"] == facts["flows"] / facts["wall_seconds"]
    assert "labels" not in facts


def test_summary_names_everything() -> None:
    metrics = Metrics()
    metrics.add(flows=2000, windows=1, alerts=3, attacks=4, attack_alerts=3)
    metrics.bad(Counter({"broken_json": 2}))
    text = summary(metrics)
    assert "2,000" in text
    assert "broken_json" in text
    assert "75.00%  of 4 flows" in text
    assert "no such flows" in text


def test_summary_of_nothing() -> None:
    assert "alerts" in summary(Metrics())
