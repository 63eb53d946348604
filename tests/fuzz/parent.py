"""Parent: forks children over ranges of inputs, and goes on where one of them died."""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.case import Case
from tests.fuzz.child import MAKING, Child, replayed
from tests.fuzz.corpus import Corpus
from tests.fuzz.generate import Generator
from tests.fuzz.target import Target, folder_in_memory

CHUNK = 1000
"""Inputs of a child."""


@dataclass
class Summary:
    """What a run came to."""

    seed: int
    first: int = 0
    inputs: int = 0
    messages: int = 0
    deaths: int = 0
    seconds: float = 0
    memory: int = 0
    kept: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **vars(self),
            "rate": round(self.inputs / max(self.seconds, 1e-9), 1),
            "classes": len(self.outcomes),
        }


@dataclass
class _Worker:
    """A child at work on ``at:stop``."""

    pid: int
    pipe: int
    told: mmap.mmap
    at: int
    stop: int
    kept: int
    rest: bytes = b""


class Parent:
    """Runs inputs of a seed. ``corpus``: where a run that goes on keeps things."""

    def __init__(
        self, seed: int, corpus: Corpus, jobs: int = 1, learn: bool = False, only: str | None = None
    ) -> None:
        self._generator = Generator(seed, only)
        self._generator.kept = corpus.load()
        self._corpus, self._jobs = corpus, jobs
        self._seen: set[str] | None = set() if learn else None
        self._folder = folder_in_memory()
        self._target = Target(self._folder)
        self.summary = Summary(seed)

    def warm_up(self) -> None:
        """Compile and load what inputs need, with sound ones, before there are children."""
        for case in self._generator.sound():
            self._quietly(case)

    def _quietly(self, case: Case) -> bool:
        try:
            self._target.run(case)
        except Exception:  # told when it comes to it
            return False
        return True

    def run(self, first: int, inputs: int, until: float = float("inf")) -> Summary:
        """Inputs ``first:first + inputs``, fewer if the clock says ``until`` before."""
        started, summary = time.monotonic(), self.summary
        summary.first = first
        ranges = iter(range(first, first + inputs, CHUNK))
        workers: dict[int, _Worker] = {}
        left: list[tuple[int, int]] = []
        try:
            while True:
                while len(workers) < self._jobs and time.monotonic() < until:
                    at = next(ranges, None) if not left else None
                    if at is None and not left:
                        break
                    span = left.pop() if at is None else (at, min(at + CHUNK, first + inputs))
                    worker = self._fork(*span)
                    workers[worker.pipe] = worker
                if not workers:
                    break
                for pipe in select.select(list(workers), [], [])[0]:
                    data = os.read(pipe, 1 << 16)
                    worker = workers[pipe]
                    if data:
                        self._hear(worker, data)
                        continue
                    del workers[pipe]
                    os.close(pipe)
                    rest = self._ended(worker)
                    if rest is not None:
                        left.append(rest)
                    self._say(started)
        finally:
            for worker in workers.values():
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
        # a range that was begun is ended, so the next number is that of a whole one
        summary.seconds = time.monotonic() - started
        summary.failures = self._corpus.failures
        self._corpus.go_on(summary.seed, first + summary.inputs)
        return summary

    def _fork(self, at: int, stop: int) -> _Worker:
        read, write = os.pipe()
        told = mmap.mmap(-1, 4096)
        kept = len(self._generator.kept)
        told[:8] = at.to_bytes(8, "big")
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(read)
                silent = os.open(os.devnull, os.O_RDWR)
                os.dup2(silent, 1)
                os.dup2(silent, 2)
                self._target.move(folder_in_memory())
                child = Child(
                    told, write, lambda number: self._generator.case(number, kept), self._target.run
                )
                child.work(at, stop, self._seen)
            finally:
                self._target.clean()
                os._exit(0)
        os.close(write)
        return _Worker(pid, read, told, at, stop, kept)

    def _hear(self, worker: _Worker, data: bytes) -> None:
        *lines, worker.rest = (worker.rest + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "failed" in told:
                self._corpus.fail(told["where"], told["failed"], bytes.fromhex(told["case"]), told["text"])
            elif "kept" in told:
                data = bytes.fromhex(told["kept"])
                if self._corpus.keep(data):
                    self._generator.kept.append(Case.from_bytes(data))
                    self.summary.kept += 1
            elif "done" in told:
                self.summary.inputs += told["done"] - worker.at
                worker.at = told["done"]
            else:
                self.summary.outcomes.update(told["outcomes"])
                self.summary.kinds.update(told["kinds"])
                self.summary.memory = max(self.summary.memory, told["memory"])
                self.summary.messages += told["messages"]
                if self._seen is not None:
                    self._seen.update(told["outcomes"])

    def _ended(self, worker: _Worker) -> tuple[int, int] | None:
        """What a child has left undone; if it died, its input is tried once more, to learn where."""
        _, status, usage = os.wait4(worker.pid, 0)
        self.summary.memory = max(self.summary.memory, usage.ru_maxrss * 1024)
        if worker.at >= worker.stop:
            return None
        number = int.from_bytes(worker.told[:8], "big")
        if not os.WIFSIGNALED(status):
            # it ended itself, for it had taken too much memory
            if worker.at <= number:
                raise RuntimeError(f"a child ended at input {number} without a word")
            return (worker.at, worker.stop)
        self.summary.deaths += 1
        self.summary.inputs += number + 1 - worker.at
        self._died(worker, number, os.WTERMSIG(status))
        return (number + 1, worker.stop) if number + 1 < worker.stop else None

    def _died(self, worker: _Worker, number: int, ended: int) -> None:
        name = signal.Signals(ended).name
        if worker.told[15] == MAKING:
            self._corpus.fail(f"{name} while the input was made", number, b"{}", "")
            return
        case = self._generator.case(number, worker.kept)
        status, text = replayed(lambda: self._target.run(case))
        if ended == signal.SIGALRM and status == 0:
            # slow for once: a kernel was compiled, or the machine was busy
            self.summary.outcomes["slow once"] += 1
            return
        frames = [
            line.split('"')[1].rpartition("/")[2] + ":" + line.rpartition(" in ")[2]
            for line in text.splitlines()
            if line.startswith("  File")
        ]
        again = f"status {status} when tried alone\n{text}"
        self._corpus.fail(" ".join([name, case.target, *frames[:3]]), number, case.to_bytes(), again)

    def _say(self, started: float) -> None:
        done, seconds = self.summary.inputs, time.monotonic() - started
        print(
            f"{done:,} inputs, {done / seconds:,.0f} a second, "
            f"{len(self._corpus.failures)} kinds of failures, "
            f"{self.summary.memory >> 20} MB, {len(self._generator.kept)} kept", file=sys.stderr, flush=True,
        )  # fmt: skip

    def close(self) -> None:
        """Remove what was written for the run alone."""
        self._target.clean()
