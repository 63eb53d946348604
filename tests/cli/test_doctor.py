from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main


def test_a_sound_installation_passes(tmp_path):
    file = tmp_path / "doctor.json"
    done = CliRunner().invoke(main, ["doctor", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "everything that scoring needs works here" in done.output
    facts = json.loads(file.read_text())
    assert facts["ok"] is True
    assert facts["problems"] == []
    assert facts["libraries"]["numba"]
    assert facts["processor"]["usable"] >= 1
    assert facts["limits"]["RLIMIT_NOFILE"][0] > 0
    assert facts["model"]["scores are probabilities"] is True
    assert facts["model"]["the same bits again"] is True
    kernels = facts["kernels"]
    assert kernels["warm-up seconds"] > 0
    # a process that has compiled before loads nothing
    assert kernels["cache"]
    assert kernels["cache warm"] is (kernels["compiled now"] == 0)


def test_works_from_any_folder(tmp_path):
    script = Path(sysconfig.get_path("scripts")) / "morpheus-gae"
    if not script.exists():
        pytest.skip("the command is not installed")
    done = subprocess.run([script, "doctor"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "everything that scoring needs works here" in done.stdout


def test_a_broken_model_is_a_problem_and_fails(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    file = tmp_path / "doctor.json"
    done = CliRunner().invoke(main, ["doctor", "--model", str(tmp_path), "--json", str(file)])
    assert done.exit_code == 1
    assert "problem: model: ArtifactError" in done.output
    assert json.loads(file.read_text())["ok"] is False


def test_a_self_test_that_fails_is_named(monkeypatch):
    import numpy as np

    from morpheus_gae.engine.run.doctor import examine
    from morpheus_gae.executors.cpu.executor import CpuExecutor

    score = CpuExecutor.score

    def wrong(self, graph):
        scores = score(self, graph)
        scores.surprise[:] = np.inf
        return scores

    monkeypatch.setattr(CpuExecutor, "score", wrong)
    problems = examine().problems
    assert "model: self-test failed: surprises are finite" in problems
    assert "model: self-test failed: flows differ" in problems


def test_a_cache_that_cannot_be_written_to_is_a_remark(monkeypatch):
    from morpheus_gae.engine.run.doctor import examine

    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and mode != os.W_OK)
    report = examine()
    assert report.problems == []
    assert report.facts["kernels"]["cache writable"] is False
    assert any("NUMBA_CACHE_DIR" in remark for remark in report.remarks)


def test_a_gpu_without_a_compiler_for_its_kernels_is_remarked(monkeypatch):
    torch = pytest.importorskip("torch")
    from morpheus_gae.engine.run.doctor import Report, _cuda
    from morpheus_gae.executors.cuda import dispatch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"H{i}")
    for reason, remarks in ((None, 0), ("Triton finds no C compiler", 1)):
        monkeypatch.setattr(dispatch, "obstacle", lambda found=reason: found)
        report = Report()
        assert _cuda(report) == "H0, H1"
        assert len(report.remarks) == remarks
        assert all(line.startswith("Triton finds no C compiler: ") for line in report.remarks)
