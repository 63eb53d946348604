"""The image ``cpu`` while it runs: the engine's health check, signals, and what it may not write."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest

from tests.images.engine import LOCKED, docker, inspected, standing, until

FLOWS = 500
QUICK = ("--health-interval", "2s", "--health-start-period", "1s")
STREAM = (
    *("run", "pipeline-gae", "--input", "-", "--format", "ndjson", "--output", "-", "--threshold", "0"),
    # the window ends with the run alone
    *("--window_seconds", "3600", "--metrics_port", "9108"),
)
READ = """
import re, urllib.request
told = urllib.request.urlopen("http://127.0.0.1:9108/metrics").read().decode()
print(*re.findall("^morpheus_gae_bytes_read_total (.*)", told, re.M))
"""


@pytest.mark.parametrize(
    ("model", "verdict"), [("/opt/morpheus-gae/models/default", "healthy"), ("/nothing", "unhealthy")]
)
def test_the_engine_asks_for_its_health(cpu: str, model: str, verdict: str) -> None:
    told = ("--env", f"MORPHEUS_RUN_PIPELINE_GAE_MODEL={model}", "--entrypoint", "sleep", cpu, "600")
    with standing(*LOCKED, *QUICK, *told) as name:
        until(lambda: inspected(name)["State"]["Health"]["Status"] == verdict, verdict)
        said = inspected(name)["State"]["Health"]["Log"][-1]["Output"]
    assert "Traceback" not in said
    assert verdict == "healthy" or "/nothing" in said


@pytest.mark.parametrize("how", [("stop", "--time", "60"), ("kill", "--signal", "TERM")], ids="".join)
def test_what_it_has_read_is_scored_before_it_ends(cpu: str, how: tuple[str, ...]) -> None:
    lines = "".join(
        json.dumps(
            {
                "IPV4_SRC_ADDR": f"10.0.0.{i % 250}",
                "IPV4_DST_ADDR": "10.1.1.1",
                "IN_BYTES": i,
                "OUT_BYTES": 5,
                "FLOW_DURATION_MILLISECONDS": 7,
            }
        )
        + "\n"
        for i in range(FLOWS)
    )
    name = "morpheus-gae-test-stream"
    docker("rm", "--force", name, check=False)
    with subprocess.Popen(
        ["docker", "run", "--interactive", "--name", name, *LOCKED, cpu, *STREAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        out: list[str] = []
        # the pipe stays open: the end of a run is not the end of its input
        reader = threading.Thread(target=lambda: out.extend(running.stdout or ()), daemon=True)
        reader.start()
        try:
            running.stdin.write(lines)
            running.stdin.flush()

            def read() -> bool:
                done = docker("exec", name, "python", "-c", READ, check=False)
                return done.returncode == 0 and int(float(done.stdout)) >= len(lines)

            until(read, "all lines are read")
            assert out == []
            docker(*how, name)
            assert docker("wait", name).stdout.strip() == "0"
            reader.join(60)
        finally:
            docker("rm", "--force", name, check=False)
            running.stdin.close()
            assert running.stderr is not None
            said = running.stderr.read()
    assert [json.loads(line)["IN_BYTES"] for line in out] == list(range(FLOWS)), said
    assert "Traceback" not in said


@pytest.mark.parametrize("option", ["--output", "--dead_letters", "--incidents", "--state", "--checkpoint"])
def test_a_folder_that_is_not_writable_is_one_line(cpu: str, option: str) -> None:
    told = ["run", "pipeline-gae", "--input", "/opt/morpheus-gae/health.parquet", "--adaptive"]
    if option != "--output":
        told += ["--output", "/tmp/alerts.jsonl"]
    name = "/data/new" if option == "--checkpoint" else "/data/new.jsonl"
    done = docker("run", "--rm", *LOCKED, cpu, *told, option, name, check=False)
    errors = [line for line in done.stderr.splitlines() if "rror" in line]
    assert done.returncode == 1, done.stderr
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("Error: ")
    assert name in errors[0]
    assert "Traceback" not in done.stderr
