"""The ``morpheus`` command with a toy model, which kills itself (SIGKILL) at a step of its writing.

The steps are counted: before a table is written, in the middle of it (half of it is in the file), and before
and after every fsync and rename. ``KILL_AT`` in the environment says which one; 0 is none. ``STOP_AT`` says
at which one it sends itself a SIGTERM, and waits until the source was told. With ``MODEL=real`` the model is
the one that was asked for.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import morpheus_gae.executors.open
from morpheus_gae.cli.morpheus import main
from morpheus_gae.engine.run.source import FlowSource
from morpheus_gae.sinks.text import TextSink
from tests.cli.toy_morpheus import open_toy


class Steps:
    """Counts steps and ends the process at one of them."""

    def __init__(self, last: int, stop: int) -> None:
        self.last, self.stop, self.done = last, stop, 0
        self.stopping = threading.Event()

    def step(self, before: Callable[[], None] = lambda: None) -> None:
        self.done += 1
        if self.done == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)
            self.stopping.wait()
        if self.done == self.last:
            before()
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = function(*args, **kwargs)
            self.step()
            return result

        return counted


def main_with_steps() -> None:
    """Run the command."""
    steps = Steps(int(os.environ.get("KILL_AT", "0")), int(os.environ.get("STOP_AT", "0")))
    add, stop = TextSink.add, FlowSource.stop

    def half(sink: TextSink, table: Any) -> Callable[[], None]:
        def write() -> None:
            file = sink._files[0]
            before = file.tell()
            add(sink, table)
            file.flush()
            file.truncate(before + (file.tell() - before) // 2)

        return write

    def add_in_steps(self: TextSink, table: Any) -> None:
        steps.step()
        steps.step(half(self, table))
        add(self, table)

    def stop_and_tell(self: FlowSource) -> None:
        stop(self)
        steps.stopping.set()

    FlowSource.stop = stop_and_tell  # type: ignore[method-assign]
    TextSink.add = add_in_steps  # type: ignore[method-assign]
    os.fsync = steps.around(os.fsync)
    os.replace = steps.around(os.replace)
    if os.environ.get("MODEL") != "real":
        morpheus_gae.executors.open.open_executor = open_toy
    main()


if __name__ == "__main__":
    main_with_steps()
