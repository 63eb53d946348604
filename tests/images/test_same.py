"""What the images say of flows is what the command line of this checkout says of them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.images.engine import LOCKED, ROOT, docker

MODELS = ROOT / "models"
RUN = (
    *("run", "--engine", "embedded", "pipeline-gae", "--input", "flows.parquet", "--threshold", "0"),
    *("--output", "{}.jsonl", "--incidents", "{}-incidents.jsonl"),
)

HASHES = """
import hashlib, json, pathlib
top = pathlib.Path("/opt/morpheus-gae/models")
files = [path for path in top.rglob("*") if path.is_file()]
print(json.dumps({str(p.relative_to(top)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}))
"""


@pytest.fixture(params=["cpu", "morpheus"])
def image(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


def test_its_models_are_those_of_the_checkout(image: str) -> None:
    told = docker("run", "--rm", *LOCKED, "--entrypoint", "python", image, "-c", HASHES).stdout
    there = json.loads(told)
    assert "default/model.safetensors" in there
    assert there == {
        path.relative_to(MODELS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in MODELS.rglob("*")
        if path.is_file()
    }


def test_its_package_has_the_shipped_model(image: str) -> None:
    shipped = json.loads((MODELS / "default" / "config.json").read_text(encoding="utf-8"))["sha256"]
    told = (
        "import json\n"
        "from morpheus_gae.model.shipped import INSTALLED\n"
        "from morpheus_gae import Detector\n"
        "Detector.pretrained()\n"
        "print(json.loads((INSTALLED / 'config.json').read_text())['sha256'])\n"
    )
    done = docker("run", "--rm", *LOCKED, "--entrypoint", "python", image, "-c", told)
    assert done.stdout.strip() == shipped


def near(a: Any, b: Any) -> bool:
    """Whether two values are the same, numbers up to what libraries of another version round elsewhere."""
    if isinstance(a, float) or isinstance(b, float):
        return a == pytest.approx(b, rel=1e-4, abs=1e-4)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(near, a, b))
    return a == b


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_alerts_and_incidents(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    volumes = ("--volume", f"{tmp_path}:/data")
    told = ("simulate", "--network", "7", "--seed", "11", "--flows", "3000", "--output", "flows.parquet")
    docker("run", "--rm", *LOCKED, *volumes, "--entrypoint", "morpheus-gae", image, *told)
    docker("run", "--rm", *LOCKED, *volumes, image, *(word.format("image") for word in RUN))
    subprocess.run(
        [
            str(Path(sys.executable).with_name("morpheus")),
            *(word.format("here") for word in RUN),
            *("--model", str(MODELS / "default")),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=300,
    )
    for name, least in (("", 3000), ("-incidents", 1)):
        there, here = (read(tmp_path / f"{where}{name}.jsonl") for where in ("image", "here"))
        assert len(there) >= least
        assert len(there) == len(here)
        for a, b in zip(there, here, strict=True):
            assert near(a, b), f"{a}\n{b}"
