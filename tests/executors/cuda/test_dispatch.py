"""Where the kernels cannot be compiled, torch's forms run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from morpheus_gae.executors.cuda import dispatch

torch = pytest.importorskip("torch")
cuda_edge = pytest.importorskip("morpheus_gae.executors.cuda.edge")

VERSION, HEADERS = dispatch.triton_version, dispatch._headers
GPU, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(dispatch, "triton_version", lambda: (3, 9))
    monkeypatch.setattr(dispatch, "_compiler", lambda: True)
    monkeypatch.setattr(dispatch, "_headers", lambda: True)


def test_kernels_run_on_a_gpu_and_under_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dispatch.has_triton(GPU)
    assert not dispatch.has_triton(CPU)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(dispatch, "_compiler", lambda: False)
    assert dispatch.has_triton(CPU)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("triton_version", None, "not installed"),
        ("triton_version", (2, 3), r"Triton 2.3 is older than 3.0"),
        ("_compiler", False, "no C compiler"),
        ("_headers", False, r"no Python.h in /.*python3-dev"),
    ],
)
def test_what_is_in_the_way_is_told(
    name: str, value: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, name, lambda: value)
    assert not dispatch.has_triton(GPU)
    assert re.search(told, str(dispatch.obstacle()))


def test_a_kernel_may_ask_for_a_later_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "triton_version", lambda: (3, 2))
    assert dispatch.has_triton(GPU)
    assert not dispatch.has_triton(GPU, cuda_edge.SINCE)
    monkeypatch.setattr(dispatch, "triton_version", lambda: (3, 10))
    assert dispatch.has_triton(GPU, cuda_edge.SINCE)


def test_the_version_that_is_installed() -> None:
    triton = pytest.importorskip("triton")
    found = VERSION()
    assert found is not None
    assert triton.__version__.startswith(f"{found[0]}.{found[1]}.")
    assert found >= cuda_edge.SINCE


def test_headers_may_lie_where_the_compiler_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = HEADERS.__wrapped__
    monkeypatch.setattr(dispatch, "_include", lambda: str(tmp_path / "none"))
    for name in ("CPATH", "C_INCLUDE_PATH"):
        monkeypatch.delenv(name, raising=False)
    assert not found()
    monkeypatch.setenv("C_INCLUDE_PATH", f":{tmp_path}")
    assert not found()
    (tmp_path / "Python.h").touch()
    assert found()
