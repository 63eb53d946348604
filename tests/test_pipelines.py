"""The examples under pipelines/ run as they stand, with the model that ships."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sinks.remote.web import Reply, Request, Web

ROOT = Path(__file__).parents[1]
PIPELINES = ROOT / "pipelines"

pytestmark = pytest.mark.skipif(
    not (ROOT / "models" / "default" / "config.json").is_file(), reason="models/default is not there"
)

HEADER = "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS"


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    path = tmp_path / "flows.csv"
    rows = [f"192.168.1.{i % 9},192.168.2.{i % 5},{i * 7},{i},{i % 3}" for i in range(300)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def run(command: list[str], tmp_path: Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run with the commands of this very environment, from the root, where models/default is."""
    # a `morpheus` of our own on the path, so that the examples work where the package is not installed
    script = tmp_path / "morpheus"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m morpheus_gae.cli.morpheus "$@"\n')
    script.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        # those on NVIDIA Morpheus are tested with its stages
        "MORPHEUS_RUN_ENGINE": "embedded",
    }
    return subprocess.run(
        command, check=False, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, **kwargs
    )


def test_every_example_is_tested() -> None:
    assert sorted(p.name for p in PIPELINES.iterdir() if p.is_file()) == [
        "gae-elasticsearch.sh",
        "gae-file.sh",
        "gae-splunk.sh",
        "gae-stages.sh",
        "gae-stdin.sh",
        "gae-webhook.sh",
        "morpheus_linear.py",
        "morpheus_two_sources.py",
        "score_file.py",
    ]


@pytest.mark.parametrize("script", ["gae-file.sh", "gae-stages.sh"])
def test_file_to_alerts(script: str, flows: Path, tmp_path: Path) -> None:
    out = tmp_path / "alerts.jsonl"
    done = run([str(PIPELINES / script), str(flows), str(out)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "300" in done.stderr
    for line in out.read_text().splitlines():
        assert json.loads(line)["is_anomaly"] is True


def test_stdin_to_stdout(flows: Path, tmp_path: Path) -> None:
    names = HEADER.split(",")
    lines = [
        json.dumps(dict(zip(names, [*row[:2], *map(int, row[2:])], strict=True)))
        for row in (line.split(",") for line in flows.read_text().splitlines()[1:])
    ]
    done = run([str(PIPELINES / "gae-stdin.sh"), "--threshold", "0"], tmp_path, input="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["IN_BYTES"] for row in rows] == [i * 7 for i in range(300)]
    assert all(0 <= row["anomaly_score"] <= 1 for row in rows)


@pytest.mark.parametrize(
    ("script", "url", "secret", "path"),
    [
        ("gae-elasticsearch.sh", "elasticsearch+http://127.0.0.1:{}/alerts", "OUTPUT_TOKEN", "/alerts/_bulk"),
        (
            "gae-splunk.sh",
            "splunk+http://127.0.0.1:{}?index=net",
            "OUTPUT_TOKEN",
            "/services/collector/event",
        ),
        ("gae-webhook.sh", "webhook+http://127.0.0.1:{}/in", "INCIDENTS_HMAC_KEY", "/in"),
    ],
)
def test_server_examples(
    script: str,
    url: str,
    secret: str,
    path: str,
    flows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    monkeypatch.setenv(f"MORPHEUS_GAE_{secret}_FILE", str(tmp_path / "secret"))

    def answers(request: Request) -> Reply:
        items = [{"create": {"status": 201}}] * (request.body.count(b"\n") // 2)
        return Reply(200, json.dumps({"items": items}).encode())

    with Web(answers) as web:
        told = [str(flows), url.format(web.port), str(tmp_path / "third.jsonl")]
        done = run([str(PIPELINES / script), *told], tmp_path)
    assert done.returncode == 0, done.stderr
    assert {request.path.partition("?")[0] for request in web.requests} == {path}
    assert "hunter2" not in done.stderr + done.stdout
    # a file of alerts where it is one, of refused ones where it is that
    assert (tmp_path / "third.jsonl").exists() == (script == "gae-webhook.sh")


def test_python_example(flows: Path, tmp_path: Path) -> None:
    done = run([sys.executable, str(PIPELINES / "score_file.py"), str(flows)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("300 flows, 14 hosts")
