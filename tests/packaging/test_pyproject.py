"""pyproject.toml promises a light installation; the wheel keeps it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from morpheus_gae import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = {"click", "numba", "numpy", "prometheus-client", "pyarrow", "safetensors", "tomli", "tqdm"}
EXTRAS = {
    "train": {"torch", "scikit-learn"},
    "gpu": {"torch", "triton"},
    "kafka": {"confluent-kafka"},
    "http": {"urllib3"},
    "avro": {"fastavro"},
    "otel": {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"},
    "compare": {"pyod", "torch", "torch-geometric", "scikit-learn"},
    "bench": {"matplotlib", "torch", "torch-geometric"},
    "docs": {"latex2mathml", "mkdocs-material", "mkdocstrings"},
    "pcap": {"nfstream"},
    "spark": {"pyspark", "pandas"},
    "ray": {"ray"},
    "plot": {"matplotlib", "scikit-learn"},
}
# on the public index these are other projects, or come from the host's own environment only
NEVER = {"morpheus", "mrc", "cudf", "morpheus-core"}


def names(requirements: list[str]) -> set[str]:
    """Normalised names of the packages in requirement lines."""
    found = (re.match(r"[\w.-]+", line) for line in requirements)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly built wheel."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, so no wheel can be built without the network")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--disable-pip-version-check", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    assert path.name == f"morpheus_gae-{__version__}-py3-none-any.whl"
    return path


@pytest.fixture(scope="module")
def wheel(built: Path) -> list[str]:
    """Names of the files in the wheel."""
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_version() -> None:
    assert PROJECT["version"] == __version__


def test_core_is_light() -> None:
    assert names(PROJECT["dependencies"]) == CORE


def test_extras() -> None:
    assert set(PROJECT["optional-dependencies"]) == {*EXTRAS, "dev", "test"}


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_extra(extra: str) -> None:
    assert names(PROJECT["optional-dependencies"][extra]) == EXTRAS[extra]


@pytest.mark.parametrize("extra", [None, *sorted(EXTRAS), "dev", "test"])
def test_no_name_of_another_project(extra: str | None) -> None:
    listed = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    assert names(listed).isdisjoint(NEVER)


@pytest.mark.parametrize("script", ["morpheus", "morpheus-gae"])
def test_script_resolves(script: str) -> None:
    module, _, attribute = PROJECT["scripts"][script].partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_no_other_scripts() -> None:
    assert set(PROJECT["scripts"]) == {"morpheus", "morpheus-gae"}


def test_docker_pins_what_it_installs() -> None:
    lines = (ROOT / "docker" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all("==" in pin for pin in pins)
    # the image's Python reads TOML itself
    assert names(pins) == (CORE - {"tomli"}) | EXTRAS["kafka"] | EXTRAS["http"] | {"hatchling", "llvmlite"}


def test_wheel_is_typed(wheel: list[str]) -> None:
    assert "morpheus_gae/py.typed" in wheel


def test_wheel_has_every_module(wheel: list[str]) -> None:
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "morpheus_gae").rglob("*.py")}
    here |= {str(path.relative_to(ROOT)) for path in (ROOT / "morpheus_gae" / "report" / "page").iterdir()}
    assert here <= set(wheel)


def test_wheel_has_nothing_else(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {"morpheus_gae", f"morpheus_gae-{__version__}.dist-info"}
    assert not [name for name in wheel if name.startswith("tests/") or "__pycache__" in name]


def test_wheel_has_the_license_and_the_scripts(wheel: list[str]) -> None:
    info = f"morpheus_gae-{__version__}.dist-info"
    assert {f"{info}/licenses/LICENSE", f"{info}/entry_points.txt"} <= set(wheel)


def test_wheel_brings_its_model_to_any_folder(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "elsewhere").mkdir()
    code = "from morpheus_gae.cli.gae import main; main(['model', 'show', '--json', 'model.json'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    folder = str(tmp_path / "installed" / "morpheus_gae" / "pretrained" / "default")
    assert folder in (tmp_path / "elsewhere" / "model.json").read_text(encoding="utf-8")
