"""Options and wiring for operating a pipeline: metrics, logs, reload, drain, state, checkpoint."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import json_option
from morpheus_gae.cli.sections import grouped
from morpheus_gae.engine.observe.health import Health
from morpheus_gae.engine.observe.logs import Line, say, start_logging
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.engine.settings import Settings

Seconds = Number(min=0, min_open=True)


def operation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for monitoring, stopping and resuming a run."""
    watched = grouped(
        "Operation",
        json_option("--metrics"),
        click.option(
            "--metrics_port",
            type=click.IntRange(0, 65_535),
            help="Serve /metrics (Prometheus), /healthz and /readyz; 0 is any free port, told on stderr.",
        ),
        click.option(
            "--metrics_host", metavar="HOST", help="Where --metrics_port listens; 127.0.0.1 by default."
        ),
        click.option(
            "--stall_seconds",
            type=Seconds,
            help="/healthz fails when a stage is in one item for longer; 300 by default.",
        ),
        click.option(
            "--log_format",
            type=click.Choice(["text", "json"]),
            help="Form of the lines on stderr; text by default.",
        ),
        click.option(
            "--reload_seconds",
            type=Seconds,
            help="Look so often whether the model on the disk has changed, and swap it in; "
            "only after a SIGHUP by default.",
        ),
        click.option(
            "--grace_seconds",
            type=Seconds,
            help="Time to drain after a SIGTERM; 25 by default, then it aborts.",
        ),
    )
    kept = grouped(
        "State",
        click.option(
            "--state",
            metavar="FILE",
            help="Keep there what --learn or --adaptive learns of the traffic; read at the start.",
        ),
        click.option(
            "--checkpoint",
            metavar="DIR",
            help="Keep there how far files were read: after a crash the same command goes on from there.",
        ),
        click.option(
            "--checkpoint_seconds",
            type=Number(min=0),
            help="Time between two checkpoints; 1 by default, 0 writes one after every window.",
        ),
    )
    return watched(kept(command))


def told_facts(status: str, metrics: Metrics) -> str:
    """Return the summary at the end of a run: a table, or an object in JSON."""
    from morpheus_gae.engine.observe.logs import is_json
    from morpheus_gae.engine.observe.summary import summary

    return Line(status if is_json() else summary(metrics), "summary", status=status, **metrics.as_dict())


def refuse_on_host(settings: Settings) -> None:
    """Refuse options that only the embedded engine supports.

    Raises
    ------
    UsageError
        If such an option is given.
    """
    given = {
        "--state": settings.state,
        "--checkpoint": settings.checkpoint,
        "--reload_seconds": settings.reload_seconds,
        "--learn": settings.learn or None,
    }
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} is for the embedded engine: give  run --engine embedded")


@contextmanager
def early_hangups() -> Iterator[list[int]]:
    """Collect SIGHUPs that arrive before the engine handles them, so that they do not end a starting run."""
    came: list[int] = []
    free = signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    if not free or threading.current_thread() is not threading.main_thread():
        yield came
        return
    signal.signal(signal.SIGHUP, lambda number, _frame: came.append(number))
    try:
        yield came
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def watched(settings: Settings, metrics: Metrics | None = None) -> Iterator[tuple[Metrics, Health]]:
    """Set up logs and serve metrics inside this context, from before the model is loaded.

    Parameters
    ----------
    settings
        Settings of the run.
    metrics
        Counters to show; new ones by default.

    Raises
    ------
    UsageError
        If the port cannot be opened.
    """
    start_logging(settings.log_format)
    metrics = Metrics() if metrics is None else metrics
    health = Health(settings.stall_seconds)
    if settings.metrics_port is None:
        yield metrics, health
        return
    from morpheus_gae.engine.observe.http import MetricsServer

    metrics.follow_scores()
    server = MetricsServer(metrics, health, settings.metrics_port, settings.metrics_host)
    say(Line(f"Metrics: {server.url}", "metrics", url=server.url))
    try:
        yield metrics, health
    finally:
        server.close()
