"""Process: a worker as seen from outside; it may run out of time or memory without taking us along."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from morpheus_gae.benchmark.status import FAILED, OUT_OF_MEMORY, OVER_TIME
from morpheus_gae.benchmark.worker import MEMORY_WORDS

STOP_SECONDS = 10.0


class Lost(Exception):  # noqa: N818
    """A worker gave no answer.

    Parameters
    ----------
    status, reason
        Why, see ``status``.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status, self.reason = status, reason


class Worker:
    """A process of ``benchmark.worker``; close it in the end."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        # a session of its own: Ctrl-C in the terminal comes to us, and we end it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "morpheus_gae.benchmark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._rest = b""

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a question and wait for its answer; see ``send`` and ``answer``."""
        self.send(question)
        return self.answer(seconds)

    def send(self, question: dict[str, Any]) -> None:
        """Send a question.

        Raises
        ------
        Lost
            If the process has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def answer(self, seconds: float) -> dict[str, Any]:
        """Wait for the answer to a question that was sent.

        Raises
        ------
        Lost
            If none came in time, or it tells of a failure; the process is then ended.
        """
        line = self._line(time.monotonic() + seconds)
        if line is None:
            self.close()
            raise Lost(OVER_TIME, f"no answer within {seconds:.3g} s")
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        if "status" in answer:
            self.close()
            raise Lost(answer["status"], answer["reason"])
        return answer

    def _line(self, until: float) -> bytes | None:
        """The next line; empty at the end of the process, None if the time is up."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                # an answer that is there but late is late, however long we were kept from looking
                left = until - time.monotonic()
                if left <= 0 or not ready.select(left):
                    return None
                data = os.read(self._process.stdout.fileno(), 1 << 16)
                if not data:
                    return b""
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _died(self) -> Lost:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        return Lost(*why(code, lines))

    def close(self) -> None:
        """End the process, if it has not ended by itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._errors.close()

    def finish(self) -> dict[str, Any]:
        """Ask for the facts, and let the process end.

        Raises
        ------
        Lost
            As for ``ask``.
        """
        facts = self.ask({"end": True}, STOP_SECONDS)["facts"]
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.close()
        return dict(facts)


def why(code: int, errors: list[str]) -> tuple[str, str]:
    """Status and reason of a process that ended without an answer.

    Parameters
    ----------
    code
        As ``Popen.returncode``.
    errors
        Lines of its stderr.
    """
    last = errors[-1][:300] if errors else ""
    if code == -signal.SIGKILL:
        return OUT_OF_MEMORY, "killed, as the system does when memory runs out"
    if any(MEMORY_WORDS.search(line) for line in errors[-20:]):
        return OUT_OF_MEMORY, last
    told = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return FAILED, f"{told}: {last}" if last else told
