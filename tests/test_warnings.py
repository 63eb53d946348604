"""Warnings are errors, but for what torch and Triton may tell of a card, its driver and its neighbours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import warnings

import pytest
import tests.conftest

tests.conftest._has_gpu = lambda: True


@pytest.mark.gpu
def test_on_a_card():
    warnings.warn("this card is new")


def test_elsewhere():
    warnings.warn("this is an error")


@pytest.mark.parametrize("told", [
    (FutureWarning, "The pynvml package is deprecated. Please install nvidia-ml-py instead."),
    (UserWarning, "CUDA initialization: The NVIDIA driver on your system is too old (found version 11000)."),
    (UserWarning, "Can't initialize NVML"),
])
def test_of_a_machine(told):
    warnings.warn(told[1], told[0])
"""


def test_a_card_may_warn_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "test_some.py"
    file.write_text(TESTS, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT),
            *("-p", "tests.conftest", "-p", "no:cacheprovider", "-q", "-rA", file),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    told = done.stdout
    assert "4 passed" in told, told + done.stderr
    assert "1 failed" in told
    assert "this card is new" in told
    failed = [line for line in told.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "test_elsewhere" in failed[0]
