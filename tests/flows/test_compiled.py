from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_gae.flows.compiled import PACKAGE, VARIABLE, can_write, keep_kernels


def test_nothing_changes_where_numba_can_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    asked: list[Path] = []
    assert keep_kernels(lambda folder: not asked.append(folder)) is None  # type: ignore[func-returns-value]
    assert asked == [PACKAGE / "flows" / "__pycache__"]
    monkeypatch.setenv(VARIABLE, str(tmp_path / "new"))
    assert keep_kernels() is None
    assert os.environ[VARIABLE] == str(tmp_path / "new")


@pytest.mark.parametrize("told", [True, False])
def test_a_read_only_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: bool) -> None:
    kept = tmp_path / "kept" / "module_1"
    kept.mkdir(parents=True)
    (kept / "kernel.nbc").write_bytes(b"compiled")
    if told:
        monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    else:
        monkeypatch.setenv(VARIABLE, "")
    folder = keep_kernels(lambda folder: False)
    assert folder is not None
    assert os.environ[VARIABLE] == str(folder)
    assert [path.name for path in folder.rglob("*.nbc")] == (["kernel.nbc"] if told else [])


def test_it_goes_with_the_process(tmp_path: Path) -> None:
    code = "from morpheus_gae.flows.compiled import keep_kernels; print(keep_kernels(lambda folder: False))"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_can_be_written(tmp_path: Path) -> None:
    assert can_write(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    assert not can_write(tmp_path / "file" / "b")
