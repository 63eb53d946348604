"""The ``morpheus`` command as a process of its own, for tests that talk to it while it runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
SECONDS = 60.0
STDIN = ("--input", "-", "--format", "ndjson")


def flow_lines(start: int, stop: int) -> bytes:
    """Flows as JSON lines; the i-th has i forward bytes."""
    rows = (
        {
            "IPV4_SRC_ADDR": f"10.0.{i // 200 % 200}.{i % 200}",
            "IPV4_DST_ADDR": "10.1.1.1",
            "IN_BYTES": i,
            "OUT_BYTES": 5,
            "FLOW_DURATION_MILLISECONDS": 7,
        }
        for i in range(start, stop)
    )
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def until(found: Callable[[], Any], what: str) -> Any:
    """Ask again and again until the answer is true; fail at the deadline."""
    deadline, pause = time.monotonic() + SECONDS, threading.Event()
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        pause.wait(0.02)
    raise AssertionError(f"waited {SECONDS:.0f} s for {what}")


class Lines:
    """Lines of a stream, gathered by a thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.all: list[str] = []
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        # a closed stream ends the test, not the thread with a traceback
        with contextlib.suppress(ValueError):
            for line in stream:
                self.all.append(line.decode().rstrip("\n"))

    def with_text(self, text: str) -> str:
        """The first line that holds a text, waiting for it."""
        line: str = until(
            lambda: next((s for s in list(self.all) if text in s), None), f"a line with {text!r}"
        )
        return line

    def count(self, n: int) -> list[str]:
        """The first n lines, waiting for them."""
        until(lambda: len(self.all) >= n, f"{n} lines, there are {len(self.all)}")
        return self.all[:n]


class Live:
    """A running command; use as a context manager."""

    def __init__(
        self,
        *args: str,
        model: str = "toy",
        module: str = "tests.cli.toy_morpheus",
        read_stdout: bool = True,
        env: dict[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", module, "run", "pipeline-gae", "--model", model]
        # under nohup it would be ignored, and stay so in a child
        hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        try:
            self.process = subprocess.Popen(
                [*command, "--threshold", "0", *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                env={**os.environ, **(env or {})},
            )
        finally:
            signal.signal(signal.SIGHUP, hangup)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.err = Lines(self.process.stderr)
        self.out = Lines(self.stdout) if read_stdout else None

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.err.thread.join()
        if self.out is not None:
            self.out.thread.join()
        for stream in (self.stdin, self.stdout, self.process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def give(self, data: bytes) -> None:
        """Write to stdin."""
        self.stdin.write(data)
        self.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Close stdin and wait for the end; the exit code."""
        self.stdin.close()
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(SECONDS)
        self.err.thread.join()
        if self.out is not None:
            self.out.thread.join()
        return code

    def rows(self) -> list[dict[str, Any]]:
        """Alerts so far."""
        assert self.out is not None
        return [json.loads(line) for line in list(self.out.all)]

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, body and type of an answer of the metrics server, whose port stderr tells."""
        line = self.err.with_text("http://127.0.0.1:")
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
        finally:
            connection.close()

    def samples(self) -> dict[str, float]:
        """Every sample of ``/metrics``, by name with labels."""
        status, body, _ = self.get("/metrics")
        assert status == 200, body
        lines = (line for line in body.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
