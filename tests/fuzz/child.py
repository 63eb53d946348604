"""Child: runs a range of inputs in a process that may die, and tells what became of each."""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case

SECONDS = 10
"""An input that takes longer hangs."""
MEMORY = 1 << 30
"""Bytes that a process may take at most."""
SPACE = 4 << 30
"""Addresses that it may take beside those it has: so that no machine falls over."""
TELL = 500

MAKING, RUNNING = 0, 1
PACKAGES = ("/morpheus_gae/", "/pyarrow/", "/fastavro/", "/numba/", "/numpy/", "/json/", "/safetensors/")


def limit() -> None:
    """Ends the process that takes too much time or far too many addresses."""
    with open("/proc/self/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + SPACE, size + SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # its default is to end the process, whatever the interpreter is busy with
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def where(error: BaseException) -> str:
    """Kind of an error and the places it came through, without numbers of lines that change."""
    frames = [
        f"{Path(f.filename).name}:{f.name}"
        for f in traceback.extract_tb(error.__traceback__)
        if any(part in f.filename for part in PACKAGES) or f.name == "run"
    ]
    words = str(error).split(":")[0][:40] if type(error).__name__ == "Violation" else ""
    return " ".join([type(error).__name__, words, *frames[-4:]])


class Child:
    """What a worker process does between its fork and its end.

    ``told``: memory shared with the parent, two int64: the number of the input in hand, and whether it is
    made or run. ``pipe``: where lines of JSON go.
    """

    def __init__(
        self, told: mmap.mmap, pipe: int, make: Callable[[int], Case], run: Callable[[Case], str]
    ) -> None:
        self._told, self._pipe, self._make, self._run = told, pipe, make, run
        self._outcomes: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._messages = 0

    def work(self, start: int, stop: int, seen: set[str] | None) -> None:
        """Inputs ``start:stop``; one with an outcome that is not among those ``seen`` is kept."""
        limit()
        highest = 0
        for number in range(start, stop):
            self._told[:16] = (number << 64 | MAKING).to_bytes(16, "big")
            signal.setitimer(signal.ITIMER_REAL, 3 * SECONDS)
            try:
                case = self._make(number)
            except Exception as error:
                # the fuzzer's own fault
                case = Case("none", "none", [])
                self._failed(number, case, f"made {where(error)}", error)
                continue
            self._told[15:16] = bytes([RUNNING])
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                outcome = self._run(case)
            except Exception as error:
                outcome = "failed"
                self._failed(number, case, where(error), error)
            signal.setitimer(signal.ITIMER_REAL, 0)
            name = f"{case.target} {case.kind}: {outcome}"
            self._outcomes[name] += 1
            self._kinds[f"{case.target} {case.kind}"] += 1
            # of a topic each message is one more thing that was made to do harm
            self._messages += len(case.parts) - 1 if case.target == "payload" else 0
            if seen is not None and name not in seen:
                seen.add(name)
                self._tell(kept=case.to_bytes().hex())
            taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            highest = max(highest, taken)
            if taken > MEMORY:
                self._tell(
                    failed=number,
                    case=case.to_bytes().hex(),
                    where=f"memory {case.target} {case.kind}",
                    text=f"{taken} bytes",
                )
                stop = number + 1
            if number % TELL == 0:
                self._count(highest)
            if number + 1 >= stop:
                break
        self._count(highest)
        self._tell(done=stop)

    def _count(self, memory: int) -> None:
        self._tell(outcomes=self._outcomes, kinds=self._kinds, memory=memory, messages=self._messages)
        self._outcomes, self._kinds, self._messages = Counter(), Counter(), 0

    def _failed(self, number: int, case: Case, place: str, error: Exception) -> None:
        text = "".join(traceback.format_exception(error))[-6000:]
        self._tell(failed=number, case=case.to_bytes().hex(), where=place, text=text)

    def _tell(self, **what: Any) -> None:
        data = json.dumps(what).encode() + b"\n"
        while data:
            data = data[os.write(self._pipe, data) :]


def replayed(run: Callable[[], str], seconds: int = 3 * SECONDS) -> tuple[int, str]:
    """Status of a process of its own that runs something, and what it said or where it died."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            limit()
            with os.fdopen(write, "w") as out:
                faulthandler.enable(out)
                signal.alarm(seconds)
                try:
                    out.write(run())
                except BaseException as error:
                    out.write(where(error) + "\n" + "".join(traceback.format_exception(error)))
                    out.flush()
                    os._exit(3)
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8", errors="replace") as told:
        text = told.read()
    return os.waitpid(pid, 0)[1], text
