"""The image ``cpu``, built, and run as it is run where nothing is trusted."""

from __future__ import annotations

import json
from pathlib import Path

from tests.images.engine import LOCKED, docker, inspected

MOST_BYTES = 350e6
"""Of all layers; a third of it is LLVM's library."""


def test_it_is_small(cpu: str) -> None:
    size = inspected(cpu)["Size"]
    print(f"cpu: {size / 1e6:.0f} MB")
    assert size < MOST_BYTES


def test_it_says_what_it_is(cpu: str) -> None:
    config = inspected(cpu)["Config"]
    assert config["User"] == "10001:0"
    assert config["Healthcheck"]["Test"] == ["CMD", "morpheus-gae-health"]
    done = docker("run", "--rm", *LOCKED, "--entrypoint", "morpheus-gae", cpu, "doctor")
    assert "everything that scoring needs works here" in done.stdout


def test_locked_down_and_healthy(cpu: str) -> None:
    # the last one may write nothing in the image
    for user in ("10001:0", "54321:0", "54321:54321"):
        done = docker("run", "--rm", *LOCKED, "--user", user, "--entrypoint", "morpheus-gae-health", cpu)
        assert "alerts" in done.stderr


def test_what_it_left_out_nothing_needs(cpu: str, kernels: tuple[str, ...], tmp_path: Path) -> None:
    # each reader and writer once: parts of libraries were taken out
    tmp_path.chmod(0o777)
    kinds = ("parquet", "csv", "ndjson", "arrow", "csv.gz", "jsonl.zst")
    lines = ["set -e", 'run="morpheus run pipeline-gae --threshold 0"']
    for kind in kinds[:4]:
        lines.append(f"morpheus-gae simulate --network 7 --flows 3000 --output in.{kind}")
        lines.append(f"morpheus-gae inspect in.{kind} > /dev/null")
    lines += [f"$run --input in.{kinds[i % 4]} --output out.{kind}" for i, kind in enumerate(kinds)]
    lines += [
        f"$run --input in.csv --output {name}.jsonl --encoding {name}" for name in ("ecs", "ocsf", "eve")
    ]
    volumes = ("-v", f"{tmp_path}:/data", *kernels)
    docker("run", "--rm", *LOCKED, *volumes, "--entrypoint", "sh", cpu, "-c", "\n".join(lines))
    assert all((tmp_path / f"out.{kind}").stat().st_size > 0 for kind in kinds)
    assert json.loads((tmp_path / "ecs.jsonl").read_text().splitlines()[0])["event"]["kind"] == "alert"


COMMANDS = """
set -e
model=$MORPHEUS_RUN_PIPELINE_GAE_MODEL
morpheus-gae simulate --network 7 --flows 3000 --output flows.parquet
run="morpheus run pipeline-gae --alert_rate 0.02"
$run --input flows.parquet --output alerts.jsonl --incidents folded.jsonl
morpheus-gae incidents alerts.jsonl > table.txt
morpheus-gae report alerts.jsonl --flows flows.parquet --model "$model" --output report.html
morpheus-gae evaluate --input flows.parquet --model "$model" > figures.txt
morpheus-gae model show "$model" > card.txt
"""


def test_commands_that_need_no_torch(cpu: str, kernels: tuple[str, ...], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    volumes = ("-v", f"{tmp_path}:/data", *kernels)
    docker("run", "--rm", *LOCKED, *volumes, "--entrypoint", "sh", cpu, "-c", COMMANDS)
    for name in ("alerts.jsonl", "folded.jsonl", "table.txt", "report.html", "figures.txt", "card.txt"):
        assert (tmp_path / name).stat().st_size > 0, name
    words = ("--entrypoint", "morpheus-gae", cpu, "train", "--input", "flows.parquet", "--model", "mine")
    done = docker("run", "--rm", *LOCKED, *volumes, *words, check=False)
    assert (done.returncode, "training needs torch" in done.stderr) == (1, True)


def test_it_tells_scanners_what_is_in_it(cpu: str) -> None:
    told = docker("run", "--rm", *LOCKED, "--entrypoint", "cat", cpu, "/var/lib/dpkg/status").stdout
    packages = {line.split()[1] for line in told.splitlines() if line.startswith("Package: ")}
    assert {"bash", "libc6", "libssl3"} <= packages
    assert not {"apt", "perl-base"} & packages


def test_stdin_to_stdout(cpu: str) -> None:
    row = {"IPV4_SRC_ADDR": "10.0.0.1", "IPV4_DST_ADDR": "10.0.0.2", "IN_BYTES": 1, "OUT_BYTES": 2}
    row["FLOW_DURATION_MILLISECONDS"] = 5
    told = ("run", "pipeline-gae", "--input", "-", "--format", "ndjson", "--output", "-", "--threshold", "0")
    done = docker("run", "--rm", "-i", *LOCKED, cpu, *told, input=json.dumps(row) + "\n")
    assert json.loads(done.stdout)["IPV4_DST_ADDR"] == "10.0.0.2"
