"""``pipeline-gae``: its stages, and their run on the embedded engine."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import click

from morpheus_gae.cli.config import refuse_idle
from morpheus_gae.cli.figures import write_figures
from morpheus_gae.cli.operations import early_hangups, operation_options, told_facts, watched
from morpheus_gae.cli.options import EXIT_SIGNAL, Group, StageCommand
from morpheus_gae.cli.pipeline_options import (
    input_options,
    model_options,
    output_options,
    rule_options,
    window_options,
)

BESIDE = "morpheus_gae.cli.gae:main"
PREFIX = "MORPHEUS"


@dataclass(frozen=True)
class Stage:
    """A stage on the command line, with its options."""

    name: str
    told: dict[str, Any]


PIPELINE_HELP = """Flag anomalous flows with a graph autoencoder.

With --input and --output alone it reads, scores, flags and writes.
A list of stages builds any other order.

\b
Examples:
  morpheus run pipeline-gae --input flows.parquet --output alerts.jsonl
  morpheus run pipeline-gae from-netflow --input flows.csv build-graph infer-gae \\
      flag-anomalies --alert_rate 0.01 monitor to-alerts --output alerts.jsonl
"""


@click.group(name="pipeline-gae", cls=Group, chain=True, invoke_without_command=True, help=PIPELINE_HELP)
@input_options
@model_options
@window_options
@rule_options
@output_options
@operation_options
def pipeline_gae(**told: Any) -> None:
    """Flag anomalous flows with a graph autoencoder."""


@pipeline_gae.command(name="from-netflow", cls=StageCommand)
@input_options
def from_netflow(**told: Any) -> Stage:
    """Read flow records; set bad ones aside."""
    return Stage("from-netflow", told)


@pipeline_gae.command(name="build-graph", cls=StageCommand)
@window_options
def build_graph(**told: Any) -> Stage:
    """Cut windows and build the graph of each."""
    return Stage("build-graph", told)


@pipeline_gae.command(name="infer-gae", cls=StageCommand)
@model_options
def infer_gae(**told: Any) -> Stage:
    """Score every flow."""
    return Stage("infer-gae", told)


@pipeline_gae.command(name="flag-anomalies", cls=StageCommand)
@rule_options
def flag_anomalies(**told: Any) -> Stage:
    """Flag the flows whose score reaches the threshold."""
    return Stage("flag-anomalies", told)


@pipeline_gae.command(name="to-alerts", cls=StageCommand)
@output_options
def to_alerts(**told: Any) -> Stage:
    """Write the flagged flows."""
    return Stage("to-alerts", told)


@pipeline_gae.command(name="monitor", cls=StageCommand)
@click.option("--description", metavar="TEXT", help="In front of the figures.")
def monitor(**told: Any) -> Stage:
    """Tell the rate on stderr."""
    return Stage("monitor", told)


@pipeline_gae.result_callback()
@click.pass_context
def run_pipeline(ctx: click.Context, /, stages: list[Stage], json_file: str | None, **told: Any) -> None:
    """Build and run the pipeline."""
    from morpheus_gae.detect.learner import WINDOW
    from morpheus_gae.engine.observe.logs import is_json, say
    from morpheus_gae.engine.recover.checkpoint import AlreadyFinished
    from morpheus_gae.engine.run.defaults import choose_engine, choose_model
    from morpheus_gae.engine.run.embedded import Aborted
    from morpheus_gae.engine.run.order import check_order
    from morpheus_gae.engine.settings import Settings

    choose_engine(ctx.obj["engine"])
    names = [stage.name for stage in stages]
    if names:
        check_order(names)
    else:
        refuse_idle(ctx)
    settings = Settings(batch_size=ctx.obj["pipeline_batch_size"], queue=ctx.obj["edge_buffer_size"])
    for given in (told, *(stage.told for stage in stages)):
        settings = settings.overridden(given)
    if settings.learn and not any(given.get("graph_size") for given in (told, *(s.told for s in stages))):
        # unknown to the window: not learnt yet
        settings = settings.overridden({"graph_size": WINDOW})
    if not names or "infer-gae" in names:
        settings = settings.overridden({"model": choose_model(settings.model)})
    if ctx.obj["num_threads"] is not None:
        from morpheus_gae.engine.run.threads import limit_threads

        limit_threads(ctx.obj["num_threads"])
    if json_file is not None:
        from morpheus_gae.engine.run.overwriting import refuse_overwriting

        refuse_overwriting(settings, json_file)
    from morpheus_gae.engine.run.allocator import keep_freed_memory

    keep_freed_memory()
    from morpheus_gae.engine.run.pipeline import build_pipeline
    from morpheus_gae.engine.run.stdin import stoppable
    from morpheus_gae.sinks.open import OutputClosed

    settings, stdin = stoppable(settings)
    with stdin or nullcontext(), early_hangups() as hangups, watched(settings) as (metrics, health):
        try:
            pipeline = build_pipeline(
                names,
                settings,
                say=say,
                terminal=False if is_json() else None,
                wake=stdin.stop if stdin else None,
                metrics=metrics,
                health=health,
            )
        except AlreadyFinished as finished:
            say(str(finished))
            return
        if hangups and pipeline.background.on_hangup is not None:
            pipeline.background.on_hangup()
        try:
            pipeline.run()
        except Aborted as aborted:
            say("Aborted!")
            if pipeline.engine.stuck:
                # a thread blocked in a read or write would delay the interpreter's exit
                sys.stderr.flush()
                os._exit(EXIT_SIGNAL + aborted.number)
            ctx.exit(EXIT_SIGNAL + aborted.number)
        except OutputClosed:
            # buffered stdout must not fail again at interpreter exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise
    status = "stopped" if pipeline.engine.stopped else "finished"
    if json_file is not None:
        facts = {"status": status, **metrics.as_dict()}
        write_figures(json_file, facts)
    say(told_facts(status, metrics))
    if pipeline.damaged:
        # the readable part was scored; the exit status shows that it is incomplete
        ctx.exit(1)
