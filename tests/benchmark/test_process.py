"""Workers that die, hang, or run out of memory are told apart and leave nothing behind."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from morpheus_gae.benchmark import process
from morpheus_gae.benchmark.process import Lost, Worker, why
from morpheus_gae.benchmark.status import FAILED, NOT_AVAILABLE, OUT_OF_MEMORY, OVER_TIME
from morpheus_gae.benchmark.variants import Unavailable
from morpheus_gae.benchmark.worker import explained, peak_memory
from morpheus_gae.errors import MissingExtraError


def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> Worker:
    """A worker that runs this instead."""
    script = tmp_path / "body.py"
    script.write_text(f"import json, os, sys\n{body}\n")
    real = process.subprocess.Popen

    def popen(command: list[str], **told: object) -> object:
        return real([sys.executable, str(script)], **told)

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    return Worker()


def test_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = "for line in sys.stdin: print(json.dumps({'facts': json.loads(line)}), flush=True)"
    w = worker(monkeypatch, tmp_path, body)
    assert w.ask({"run": 3}, 30) == {"facts": {"run": 3}}
    w.send({"a": 1})
    assert w.answer(30) == {"facts": {"a": 1}}
    assert w.finish() == {"end": True}


def test_over_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    w = worker(monkeypatch, tmp_path, "import threading; threading.Event().wait(600)")
    with pytest.raises(Lost) as lost:
        w.ask({"run": 1}, 0.05)
    assert lost.value.status == OVER_TIME
    assert w._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("os.kill(os.getpid(), 9)", OUT_OF_MEMORY, "killed"),
        ("print('std::bad_alloc', file=sys.stderr); os.abort()", OUT_OF_MEMORY, "bad_alloc"),
        ("os.abort()", FAILED, "SIGABRT"),
        ("print('no such thing', file=sys.stderr); sys.exit(3)", FAILED, "exit code 3: no such thing"),
        ("print(json.dumps({'status': 'not available', 'reason': 'no GPU'}))", NOT_AVAILABLE, "no GPU"),
    ],
)
def test_failures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, status: str, told: str) -> None:
    w = worker(monkeypatch, tmp_path, f"sys.stdin.readline()\n{body}")
    with pytest.raises(Lost) as lost:
        w.ask({"run": 1}, 60)
    assert lost.value.status == status
    assert told in lost.value.reason


def test_one_that_has_ended_before_the_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    w = worker(monkeypatch, tmp_path, "sys.exit(4)")
    w._process.wait(60)
    with pytest.raises(Lost) as lost:
        w.ask({"run": 1}, 60)
    assert lost.value.reason == "ended with exit code 4"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError("2 GiB"), OUT_OF_MEMORY),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), OUT_OF_MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 9 GiB"), OUT_OF_MEMORY),
        (RuntimeError("MKL error: SPARSE_STATUS_ALLOC_FAILED"), OUT_OF_MEMORY),
        (Unavailable("no CUDA device"), NOT_AVAILABLE),
        (MissingExtraError("torch_geometric", "bench", "the published architecture"), NOT_AVAILABLE),
        (ValueError("a bug"), FAILED),
    ],
)
def test_explanations(error: Exception, status: str) -> None:
    found, reason = explained(error)
    assert found == status
    assert str(error)[:10] in reason


def test_why_names_the_signal() -> None:
    assert why(-signal.SIGSEGV, []) == (FAILED, "ended by SIGSEGV")


def test_peak_memory_is_of_this_process() -> None:
    before = peak_memory()
    held = bytearray(before)
    held[::4096] = b"x" * len(held[::4096])
    assert peak_memory() > 1.5 * before
    del held
