"""``morpheus``: run the pipeline that flags anomalous flows."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from morpheus_gae import __version__
from morpheus_gae.cli.operations import early_hangups, operation_options, told_facts, watched
from morpheus_gae.cli.options import (
    EXIT_SIGNAL,
    Command,
    Group,
    executor_name,
    json_option,
    map_options,
    preset_name,
    rate,
)
from morpheus_gae.flows.presets_names import NAMES as PRESET_NAMES

PositiveInt = click.IntRange(min=1)
LEARN_GRAPH_SIZE = 20_000


HOST_SETTINGS: dict[str, Any] = {
    "auto_envvar_prefix": "MORPHEUS",
    "show_default": True,
    "prog_name": "morpheus",
}


def engine_told(args: Sequence[str]) -> str:
    """What ``--engine`` of ``run`` says, or MORPHEUS_RUN_ENGINE: it decides which command line there is."""
    for i, arg in enumerate(args):
        if arg.startswith("pipeline"):
            break
        if arg == "--engine" and i + 1 < len(args):
            return args[i + 1]
        if arg.startswith("--engine="):
            return arg.partition("=")[2]
    return os.environ.get("MORPHEUS_RUN_ENGINE", "auto")


@dataclass(frozen=True)
class Stage:
    """A stage named on the command line, with what it was told there."""

    name: str
    told: dict[str, Any]


class Script(Group):
    """The command line of this project, or that of NVIDIA Morpheus with ours in it, where that runs."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the command line of the engine that was asked for."""
        from morpheus_gae.engine.choose import morpheus_installed

        given = sys.argv[1:] if args is None else list(args)
        # one that is unknown or not installed is refused by the embedded command line
        if engine_told(given) in ("auto", "morpheus") and morpheus_installed():
            from morpheus_gae.cli.host import host_cli

            return host_cli().main(given, *rest, **{**HOST_SETTINGS, **extra})
        return super().main(given, *rest, **extra)


@click.group(cls=Script, context_settings={"auto_envvar_prefix": "MORPHEUS"})
@click.version_option(__version__, prog_name="morpheus (morpheus-gae)")
def main() -> None:
    """Run NetFlow anomaly detection pipelines.

    Every option can be set in the environment: MORPHEUS_RUN_PIPELINE_GAE_MODEL is --model of pipeline-gae.
    """


@main.group(cls=Group)
@click.option("--num_threads", type=PositiveInt, help="CPU threads for numeric libraries; all by default.")
@click.option(
    "--pipeline_batch_size",
    type=PositiveInt,
    default=65_536,
    show_default=True,
    help="Rows read at a time; results do not depend on it.",
)
@click.option(
    "--edge_buffer_size",
    type=PositiveInt,
    default=2,
    show_default=True,
    help="Windows that may wait between two stages; bounds memory.",
)
@click.option("--use_cpu_only", is_flag=True, help="Never use a GPU; the cpu executor never does.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "embedded", "morpheus"]),
    default="auto",
    show_default=True,
    help="What runs the pipeline.",
)
@click.pass_context
def run(ctx: click.Context, /, **told: Any) -> None:
    """Run a pipeline."""
    ctx.obj = told


def _rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that decide which flows are flagged."""
    for option in (
        click.option("--labels", metavar="COLUMN", help="Label column to report on; Label by default."),
        click.option(
            "--half_life",
            type=click.FloatRange(min=0, min_open=True),
            help="Days in which what --learn has learnt counts half; 14 by default.",
        ),
        click.option(
            "--learn",
            is_flag=True,
            help="Let memory, scale and threshold follow the traffic; needs no training on it.",
        ),
        click.option("--adaptive", is_flag=True, help="Take the threshold from the recent traffic itself."),
        click.option(
            "--alert_rate", type=rate, help="Share of benign flows to flag: 0.001 or 0.1%, the default."
        ),
        click.option(
            "--threshold", type=click.FloatRange(0, 1), help="Flag scores from this on; 0 flags every flow."
        ),
    ):
        command = option(command)
    return command


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--deterministic",
        is_flag=True,
        help="Same bits in every run on a GPU too (always on a CPU).",
    )(command)
    command = click.option(
        "--executor",
        metavar="[cpu|cuda|cuda:N|torch]",
        type=executor_name,
        help="What computes; cpu by default.",
    )(command)
    return click.option("--model", metavar="DIR", help="Model folder; models/default by default.")(command)


def _window_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--window_seconds",
        type=click.FloatRange(min=0, min_open=True),
        help="End a window after so many seconds of flow time (and of waiting, if the input is a pipe).",
    )(command)
    return click.option(
        "--graph_size", type=PositiveInt, help="Flows in a window; 200000 by default, 20000 with --learn."
    )(command)


def _input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--dead_letters", metavar="FILE", help="Bad records; OUTPUT.dead.ndjson by default."),
        click.option(
            "--format",
            type=click.Choice(["arrow", "csv", "ndjson", "parquet", "pcap"]),
            help="Format of stdin; found out from its first bytes by default.",
        ),
        click.option(
            "--pair_seconds",
            type=click.FloatRange(min=0),
            help="Join one-way records that start so close to one flow, 60 by default; 0 leaves them.",
        ),
        map_options,
        click.option(
            "--preset",
            type=preset_name,
            metavar="NAME",
            help="Exporter or data set whose columns these are; found out by default (auto). One of "
            f"{', '.join(PRESET_NAMES)}.",
        ),
        click.option(
            "--fail_fast",
            is_flag=True,
            help="Exit rather than wait for a Kafka broker or topic at the start.",
        ),
        click.option(
            "--kafka_config",
            metavar="FILE",
            help="Options of the Kafka clients, key=value lines; MORPHEUS_GAE_KAFKA_<OPTION> come first.",
        ),
        click.option("--group", metavar="NAME", help="Kafka consumer group; morpheus-gae by default."),
        click.option(
            "--input",
            metavar="URL",
            multiple=True,
            help="File, folder, glob, - for stdin, interface:eth0, or kafka://host:port/topic; repeatable.",
        ),
    ):
        command = option(command)
    return command


def _output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--encoding",
        type=click.Choice(["plain", "ecs", "ocsf", "eve"]),
        help="Form of an alert: flat columns (plain, the default), Elastic's ECS, OCSF, Suricata's EVE.",
    )(command)
    command = click.option(
        "--output_format",
        type=click.Choice(["ndjson", "arrow"]),
        help="Kafka messages: an alert each as JSON (ndjson, the default), or many in Arrow IPC.",
    )(command)
    command = click.option(
        "--exactly_once",
        is_flag=True,
        help="Kafka to Kafka: alerts and the offsets they came from in one transaction.",
    )(command)
    return click.option(
        "--output",
        metavar="URL",
        help="File (by its extension), - for NDJSON on stdout, or kafka://host:port/topic.",
    )(command)


PIPELINE_HELP = """Flag anomalous flows with a graph autoencoder.

With --input and --output alone it reads, scores, flags and writes.
A list of stages builds any other order.

\b
Examples:
  morpheus run pipeline-gae --input flows.parquet --output alerts.jsonl
  morpheus run pipeline-gae from-netflow --input flows.csv build-graph infer-gae \\
      flag-anomalies --alert_rate 0.01 monitor to-alerts --output alerts.jsonl
"""


@run.group(name="pipeline-gae", cls=Group, chain=True, invoke_without_command=True, help=PIPELINE_HELP)
@_model_options
@_window_options
@_input_options
@_output_options
@_rule_options
@operation_options
@json_option("--metrics")
def pipeline_gae(**told: Any) -> None:
    """Flag anomalous flows with a graph autoencoder."""


@pipeline_gae.command(name="from-netflow", cls=Command)
@_input_options
def from_netflow(**told: Any) -> Stage:
    """Read flow records; set bad ones aside."""
    return Stage("from-netflow", told)


@pipeline_gae.command(name="build-graph", cls=Command)
@_window_options
def build_graph(**told: Any) -> Stage:
    """Cut windows and build the graph of each."""
    return Stage("build-graph", told)


@pipeline_gae.command(name="infer-gae", cls=Command)
@_model_options
def infer_gae(**told: Any) -> Stage:
    """Score every flow."""
    return Stage("infer-gae", told)


@pipeline_gae.command(name="flag-anomalies", cls=Command)
@_rule_options
def flag_anomalies(**told: Any) -> Stage:
    """Flag the flows whose score reaches the threshold."""
    return Stage("flag-anomalies", told)


@pipeline_gae.command(name="to-alerts", cls=Command)
@_output_options
def to_alerts(**told: Any) -> Stage:
    """Write the flagged flows."""
    return Stage("to-alerts", told)


@pipeline_gae.command(name="monitor", cls=Command)
@click.option("--description", metavar="TEXT", help="In front of the figures.")
def monitor(**told: Any) -> Stage:
    """Tell the rate on stderr."""
    return Stage("monitor", told)


@pipeline_gae.result_callback()
@click.pass_context
def run_pipeline(ctx: click.Context, /, stages: list[Stage], json_file: str | None, **told: Any) -> None:
    """Build the pipeline that was asked for and run it to its end."""
    from morpheus_gae.engine.checkpoint import AlreadyFinished
    from morpheus_gae.engine.choose import choose_engine, choose_model
    from morpheus_gae.engine.embedded import Aborted
    from morpheus_gae.engine.logs import is_json, say
    from morpheus_gae.engine.order import check_order
    from morpheus_gae.engine.settings import Settings

    choose_engine(ctx.obj["engine"])
    names = [stage.name for stage in stages]
    if names:
        check_order(names)
    settings = Settings(batch_size=ctx.obj["pipeline_batch_size"], queue=ctx.obj["edge_buffer_size"])
    for given in (told, *(stage.told for stage in stages)):
        settings = settings.overridden(given)
    if settings.learn and not any(given.get("graph_size") for given in (told, *(s.told for s in stages))):
        # what a window does not know it cannot have learnt yet
        settings = settings.overridden({"graph_size": LEARN_GRAPH_SIZE})
    if not names or "infer-gae" in names:
        settings = settings.overridden({"model": choose_model(settings.model)})
    if ctx.obj["num_threads"] is not None:
        from morpheus_gae.engine.threads import limit_threads

        limit_threads(ctx.obj["num_threads"])
    from morpheus_gae.engine.allocator import keep_freed_memory

    keep_freed_memory()
    from morpheus_gae.engine.pipeline import build_pipeline
    from morpheus_gae.engine.stdin import stoppable
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
        if hangups and pipeline.upkeep.on_hangup is not None:
            pipeline.upkeep.on_hangup()
        try:
            pipeline.run()
        except Aborted as aborted:
            say("Aborted!")
            if pipeline.engine.stuck:
                # a thread that waits inside a read or write would hold up the interpreter's own end
                sys.stderr.flush()
                os._exit(EXIT_SIGNAL + aborted.number)
            ctx.exit(EXIT_SIGNAL + aborted.number)
        except OutputClosed:
            # what is left in the buffer of stdout must not fail again when the interpreter ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise
    status = "stopped" if pipeline.engine.stopped else "finished"
    if json_file is not None:
        facts = {"status": status, **metrics.as_dict()}
        Path(json_file).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    say(told_facts(status, metrics))
    if pipeline.damaged:
        # what could be read was scored; whoever waits for the status learns that it was not all
        ctx.exit(1)


if __name__ == "__main__":
    main()
