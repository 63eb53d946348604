"""The commands of docker/README.md, as they stand there, but for the name of the image."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images.engine import ROOT, docker

PAGE = (ROOT / "docker" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^    ((?:.*\\\n)*.*)$", PAGE, re.M) + re.findall(r"`(docker run[^`]*)`", PAGE)
COMMANDS = [text for text in BLOCKS if "docker run" in text and "--gpus" not in text]
"""Those of the image ``cpu``; the other needs a card."""


@pytest.fixture(scope="module")
def folder(cpu: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reader of the page has."""
    made = tmp_path_factory.mktemp("reader")
    made.chmod(0o777)
    shutil.copytree(ROOT / "models" / "default", made / "models" / "mine")
    volume = ("--volume", f"{made}:/data", "--entrypoint", "morpheus-gae")
    for name in ("flows.parquet", "flows.ndjson"):
        docker("run", "--rm", *volume, cpu, "simulate", "--network", "7", "--flows", "3000", "--output", name)
    (made / "flows.ndjson.gz").write_bytes(gzip.compress((made / "flows.ndjson").read_bytes()))
    return made


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", COMMANDS)
def test_it_runs(cpu: str, folder: Path, command: str) -> None:
    alerts = folder / "alerts.jsonl"
    alerts.unlink(missing_ok=True)
    assert "morpheus-gae:cpu" in command
    # a pipe fails where any of it does
    done = subprocess.run(
        ["bash", "-c", "set -euo pipefail\n" + command.replace("morpheus-gae:cpu", cpu)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = alerts.read_text(encoding="utf-8") if alerts.exists() else done.stdout
    if "--help" in command:
        assert "Usage: morpheus-gae" in found
    else:
        assert [json.loads(line)["model"] for line in found.splitlines()]
