"""The real command in a process of its own, from topic to topic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.kafka.run import MODEL, wait_until

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0


class Command:
    """``morpheus run pipeline-gae`` with what it says; ended with the ``with`` block.

    Parameters
    ----------
    folder
        Takes what it says.
    environment
        Variables beside those of the test.
    stdout
        As of ``subprocess.Popen``.
    options
        Of ``pipeline-gae``; True is a flag.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        stdout: Any = subprocess.DEVNULL,
        **options: Any,
    ) -> None:
        given: dict[str, Any] = {"model": MODEL, "threshold": 0, "graph_size": 1000, "window_seconds": 1}
        given.update(options)
        self.line = [sys.executable, "-m", "morpheus_gae.cli.morpheus", "run", "--num_threads", "1"]
        self.line.append("pipeline-gae")
        for name, value in given.items():
            self.line += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        told = {"MORPHEUS_RUN_ENGINE": "embedded", "PYTHONPATH": str(ROOT), **(environment or {})}
        self._said = folder / f"said{len(list(folder.glob('said*')))}"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                self.line,
                env={**os.environ, **told},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=said,
                cwd=folder,
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something holds; the command must not end before."""
        wait_until(lambda: true() or self.process.poll() is not None, f"{what}: {self.said}", SECONDS)
        assert true(), f"it ended with {self.process.returncode}: {self.said}"

    def ended(self) -> int:
        """The exit code, once it ends by itself."""
        return self.process.wait(SECONDS)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def seen_by_others(self) -> str:
        """Its command line, which every user of the machine may read."""
        return Path(f"/proc/{self.process.pid}/cmdline").read_bytes().decode()

    @property
    def peak(self) -> int:
        """Bytes of memory that it has had at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
