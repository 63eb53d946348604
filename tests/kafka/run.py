"""A pipeline from topic to topic, in a thread of the test."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from morpheus_gae.engine.run.pipeline import Pipeline, build_pipeline
from morpheus_gae.engine.settings import Settings
from tests.flows import rows

MODEL = str(Path(__file__).resolve().parents[2] / "models" / "default")
DEADLINE = 120.0


class Run:
    """Runs until stopped; ``error`` is what it ended with."""

    def __init__(self, input: str, output: str | None, sink: Any = None, **other: Any) -> None:
        told: dict[str, Any] = {
            "threshold": 0.0,
            "graph_size": 1000,
            "window_seconds": 1.0,
            "model": MODEL,
            **other,
        }
        self.said: list[str] = []
        self.error: BaseException | None = None
        settings = Settings(input=(input,), output=output, **told)
        self.pipeline: Pipeline = build_pipeline((), settings, say=self.said.append, terminal=False)
        if sink is not None:
            # in place of the one that the settings ask for, before anything is written
            self.pipeline.engine.operators[-1]._sink = sink  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._body, daemon=True)
        self._thread.start()

    def _body(self) -> None:
        try:
            self.pipeline.run()
        except BaseException as error:
            self.error = error

    @property
    def metrics(self) -> Any:
        return self.pipeline.metrics

    def until(self, true: Any, what: str = "") -> None:
        """Wait until something holds."""
        wait_until(lambda: true(self) or self.error is not None, what or "the run comes so far")
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Stop it and wait for its end."""
        self.pipeline.engine.stop()
        self.join()

    def join(self) -> None:
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "the run does not end"

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def wait_until(true: Any, what: str, seconds: float = DEADLINE) -> None:
    """Look again and again, for there is nothing to wait on in another process."""
    ticks = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        ticks.wait(0.02)
    raise AssertionError(f"it never was: {what}")


def lines(start: int, count: int) -> bytes:
    """A message of JSON lines; forward bytes are the number of the flow."""
    return rows.json_text([rows.record(i) for i in range(start, start + count)]).encode()


def alert(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.value())
    return found


def origin(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["topic"], row["partition"], row["offset"], row["row"]
