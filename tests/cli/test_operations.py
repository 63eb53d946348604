"""Watching a running command: metrics, health, logs."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest

from morpheus_gae.engine.observe.prometheus import metric_names
from tests.cli.live import ROOT, STDIN, Live, flow_lines, until

ADDRESS = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")


def test_metrics_of_a_running_command() -> None:
    with Live(*STDIN, "--graph_size", "10", "--metrics_port", "0") as live:
        live.give(flow_lines(1, 26) + b'{"IPV4_SRC_ADDR": 3}\n')
        until(lambda: live.samples()["morpheus_gae_window_seconds_count"] == 2, "two windows delivered")
        # counters of stages and those of windows are not read at one moment
        samples = delivered = live.samples()
        assert samples["morpheus_gae_flows_total"] == samples["morpheus_gae_alerts_total"] == 20
        assert samples["morpheus_gae_hosts_total"] == 22
        assert samples["morpheus_gae_pairs_total"] == 20
        assert samples['morpheus_gae_model_info{hash="0123456789ab",name="toy"}'] == 1
        assert samples["morpheus_gae_threshold"] == 0
        assert delivered['morpheus_gae_window_seconds_bucket{le="+Inf"}'] == 2
        assert delivered["morpheus_gae_sweeps_count"] == 2
        assert delivered['morpheus_gae_score_quantile{quantile="0.5"}'] == pytest.approx(10.5, rel=0.1)
        assert delivered["morpheus_gae_drift"] > 1
        for stage in ("build-graph", "infer-gae", "flag-anomalies", "to-alerts"):
            assert delivered[f'morpheus_gae_queue_depth{{stage="{stage}"}}'] == 0
            assert delivered[f'morpheus_gae_stage_seconds_total{{stage="{stage}"}}'] > 0
        assert sum(v for k, v in delivered.items() if k.startswith("morpheus_gae_dead_letters_total{")) == 1
        assert delivered["process_resident_memory_bytes"] > 1e6
        assert 'python_gc_collections_total{generation="0"}' in delivered
        _, body, kind = live.get("/metrics")
        assert kind.startswith("text/plain")
        names = set(re.findall(r"^# TYPE (morpheus_gae_\w+) ", body, re.M))
        assert names == metric_names()
        assert not [line for line in body.splitlines() if ADDRESS.search(line)]
        assert live.get("/nothing")[0] == 404
        assert live.end() == 0


def test_health_of_a_running_command() -> None:
    with Live(*STDIN, "--graph_size", "10", "--metrics_port", "0") as live:
        assert live.get("/healthz")[:2] == (200, "alive\n")
        until(lambda: live.get("/readyz")[:2] == (200, "ready\n"), "being ready")
        assert live.end() == 0


def test_a_stage_that_hangs_is_told() -> None:
    # nobody reads the output: to-alerts stays in its first window
    with Live(
        *(*STDIN, "--graph_size", "1000", "--metrics_port", "0", "--stall_seconds", "0.05"), read_stdout=False
    ) as live:
        live.give(flow_lines(0, 2000))
        until(
            lambda: (
                "to-alerts has been in one item" in (answer := live.get("/healthz"))[1] and answer[0] == 503
            ),
            "an unhealthy answer",
        )
        # slow, and yet ready: nothing has failed
        assert live.get("/readyz")[0] == 200


def test_not_ready_while_the_model_is_loaded(tmp_path: Path) -> None:
    # the model is a pipe that nobody has written to: loading waits for it
    os.mkfifo(tmp_path / "config.json")
    with Live(*STDIN, "--metrics_port", "0", model=str(tmp_path), module="morpheus_gae.cli.morpheus") as live:
        status, why, _ = live.get("/readyz")
        assert status == 503
        assert "the model is being loaded" in why
        assert live.get("/healthz")[0] == 200


def test_not_ready_until_kafka_has_assigned_partitions() -> None:
    pytest.importorskip("confluent_kafka")
    with socket.socket() as taken:
        # nobody else may listen there, and it does not itself
        taken.bind(("127.0.0.1", 0))
        url = f"kafka://127.0.0.1:{taken.getsockname()[1]}/flows"
        with Live("--input", url, "--metrics_port", "0") as live:
            until(lambda: "waits for its partitions" in live.get("/readyz")[1], "the source to wait")
            assert live.get("/readyz")[0] == 503
            # it waits for a broker, and is well
            assert live.get("/healthz")[0] == 200


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Live(*STDIN, "--metrics_port", str(port)) as live:
            assert live.end() == 2
            assert len(live.err.all) == 1
            assert f"--metrics_port {port} on 127.0.0.1 cannot be opened" in live.err.all[0]


def test_json_logs() -> None:
    with Live(*STDIN, "--graph_size", "10", "--log_format", "json", "--metrics_port", "0") as live:
        live.give(flow_lines(1, 26))
        assert live.end() == 0
    told = [json.loads(line) for line in live.err.all]
    assert [line["event"] for line in told] == ["metrics", "summary"]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in told)
    assert {line["level"] for line in told} == {"info"}
    assert told[1]["status"] == "finished"
    assert (told[1]["flows"], told[1]["windows"]) == (25, 3)
    assert not ADDRESS.search(live.err.all[1])


def test_errors_and_warnings_are_json_too() -> None:
    with Live("--input", "nowhere.csv", "--log_format", "json") as live:
        assert live.end() == 1
    (line,) = live.err.all
    told = json.loads(line)
    assert (told["level"], told["event"], told["exit_code"]) == ("error", "error", 1)
    assert told["message"].startswith("nowhere.csv")


def test_every_metric_is_in_the_manual() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = {m[1]: m[2] for m in re.finditer(r"^\| `(\w+)(?:\{[\w,]+\})?` \| (\w+) \|", manual, re.M)}
    assert {f"morpheus_gae_{name}" for name in rows} == metric_names()
    assert all((kind == "counter") == name.endswith("_total") for name, kind in rows.items())
