"""The command line of NVIDIA Morpheus with ``run pipeline-gae`` in it; every stock command stays.

The stages of pipeline-gae are told as on the embedded engine, by the same commands; any stock stage may stand
among them.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import click

from morpheus_gae.cli.config import config_option, refuse_idle
from morpheus_gae.cli.figures import write_figures
from morpheus_gae.cli.operations import refuse_on_host, told_facts, watched
from morpheus_gae.cli.options import Command, PositiveInt, clear_errors, configured, underscores
from morpheus_gae.cli.pipeline import BESIDE, PREFIX, pipeline_gae
from morpheus_gae.cli.sections import Sections
from morpheus_gae.engine.run.defaults import ENGINES
from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import GaeError, UsageError

EDGE_BUFFER_SIZE = 4
"""Windows an edge may hold, plus one; the host's own 128 would be gigabytes."""

BATCH_ROWS = 262_144
DIRECTIONS = ("BT", "LR", "RL", "TB")


def host_cli() -> click.Group:
    """The host's command line, extended; the same object every time."""
    from morpheus.cli import commands

    if "pipeline-gae" not in commands.run.commands:
        stock_make_context, stock_invoke = commands.cli.make_context, commands.cli.invoke

        def make_context(name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
            with clear_errors():
                extra = configured(commands.cli, args, PREFIX, BESIDE, extra)
            return stock_make_context(name, args, *rest, **extra)

        def invoke(ctx: click.Context) -> Any:
            with clear_errors():
                return stock_invoke(ctx)

        # our stages may stand in stock pipelines too
        commands.cli.make_context, commands.cli.invoke = make_context, invoke
        logging.getLogger("morpheus.pipeline.pipeline").addFilter(_OneLine())
        # dashes for underscores everywhere, as on the embedded engine
        commands.cli.context_settings.setdefault("token_normalize_func", underscores)
        commands.run.params.append(
            click.Option(
                ["--engine"],
                type=click.Choice(ENGINES),
                default="auto",
                # the script looked at it before there was a command line
                expose_value=False,
                help="What runs the pipeline: NVIDIA Morpheus (auto does, too), or the embedded engine.",
            )
        )
        commands.run.params.append(config_option())
        commands.cli.params.append(config_option(environment=True))
        commands.run.add_command(_pipeline_gae(commands))
    cli: click.Group = commands.cli
    return cli


def _pipeline_gae(commands: Any) -> click.Group:
    from morpheus.cli.utils import prepare_command
    from morpheus.config import PipelineModes

    class GaeGroup(commands.PluginGroup):
        """Stock stages, and ours as on the embedded engine."""

        format_options = Sections.format_options

        def list_commands(self, ctx: click.Context) -> list[str]:
            """Names of all stages, sorted."""
            return sorted({*super().list_commands(ctx), *USUAL})

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            """Ours first."""
            name = cmd_name.replace("_", "-")
            if name in USUAL:
                return _stage_command(name)
            try:
                found: click.Command | None = super().get_command(ctx, name)
            except ImportError as error:
                # some stock stages import a GPU library: they must not take the help page with them
                return _unusable(name, error)
            return found

    viz_file = click.Option(
        ["--viz_file"], type=click.Path(dir_okay=False), help="Draw the pipeline to this file."
    )
    viz_direction = click.Option(
        ["--viz_direction"], type=click.Choice(DIRECTIONS, case_sensitive=False), default="LR"
    )
    group = GaeGroup(
        name="pipeline-gae",
        callback=prepare_command()(_start),
        params=[*pipeline_gae.params, viz_file, viz_direction],
        chain=True,
        invoke_without_command=True,
        pipeline_mode=PipelineModes.OTHER,
        help=pipeline_gae.help,
        short_help="Flag anomalous flows with a graph autoencoder",
    )
    group.result_callback()(_finish)
    return group


def _start(ctx: click.Context, /, **told: Any) -> None:
    """Set the configuration, which the pipeline then freezes, and make the pipeline."""
    from morpheus.cli.utils import get_config_from_ctx
    from morpheus.config import ExecutionMode, PipelineModes
    from morpheus.pipeline import LinearPipeline

    config = get_config_from_ctx(ctx)
    if config.execution_mode == ExecutionMode.GPU and importlib.util.find_spec("cudf") is None:
        raise GaeError("GPU mode needs cuDF, which is not installed here: give  run --use_cpu_only")
    config.mode = PipelineModes.OTHER
    # what stock add-scores calls the one column of the tensor "probs"
    config.class_labels = ["anomaly"]
    if _is_default(ctx, "edge_buffer_size"):
        config.edge_buffer_size = EDGE_BUFFER_SIZE
    # the engine refuses anything but powers of two
    config.edge_buffer_size = 1 << (config.edge_buffer_size - 1).bit_length()
    if _is_default(ctx, "pipeline_batch_size"):
        config.pipeline_batch_size = BATCH_ROWS
    if not _is_default(ctx, "num_threads"):
        from morpheus_gae.engine.run.threads import limit_threads

        limit_threads(config.num_threads)
    settings = Settings(batch_size=config.pipeline_batch_size, executor="auto").overridden(told)
    refuse_on_host(settings)
    ctx.obj["gae_settings"] = settings
    ctx.obj["pipeline"] = LinearPipeline(config)


def _is_default(ctx: click.Context, name: str) -> bool:
    assert ctx.parent is not None
    return ctx.parent.get_parameter_source(name) is click.core.ParameterSource.DEFAULT


def _stage_command(name: str) -> click.Command:
    """The command of the embedded engine, but adding the stage to the host's pipeline."""
    command = copy.copy(pipeline_gae.commands[name])
    assert isinstance(command, Command)
    command.callback = partial(_add_stage, name)
    if name == "from-netflow":
        repeat = click.Option(["--repeat"], type=PositiveInt, help="Read the input so many times.")
        command.params = [*command.params, repeat]
    return command


def _unusable(name: str, error: ImportError) -> click.Command:
    def refuse(rest: tuple[str, ...]) -> None:
        raise GaeError(f"stage {name} cannot be used here: {error}")

    rest = click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    return click.Command(name, callback=refuse, params=[rest], hidden=True, context_settings=settings)


def _add_stage(name: str, /, **told: Any) -> Any:
    from morpheus_gae import stages

    ctx = click.get_current_context()
    config, pipeline = ctx.obj["config"], ctx.obj["pipeline"]
    repeat = told.pop("repeat", None) or 1
    s: Settings = ctx.obj["gae_settings"].overridden(told)
    refuse_on_host(s)
    if name == "from-netflow":
        source = stages.FromNetflowStage(
            config,
            list(s.input),
            format=s.format,
            dead_letters=s.dead_letters,
            repeat=repeat,
            batch_size=s.batch_size,
            preset=s.preset,
            pair_seconds=s.pair_seconds,
            group=s.group,
            kafka_config=s.kafka_config,
            fail_fast=s.fail_fast,
            map=list(s.map),
            columns=s.columns,
        )
        pipeline.set_source(source)
        return source
    stage: Any
    if name == "build-graph":
        stage = stages.BuildGraphStage(config, s.graph_size, s.window_seconds)
    elif name == "infer-gae":
        stage = stages.InferGaeStage(config, s.model, s.executor, s.deterministic)
    elif name == "flag-anomalies":
        stage = stages.FlagAnomaliesStage(
            config, s.threshold, s.alert_rate, s.adaptive, s.labels, s.suppress, s.suppressed
        )
    else:
        stage = stages.ToAlertsStage(
            config,
            s.output or "-",
            s.encoding,
            s.output_format,
            s.exactly_once,
            s.kafka_config,
            s.incidents,
            s.incident_state,
            s.incidents_only,
            s.incident_encoding,
            s.incident_budget,
            s.incident_quiet,
            s.policy,
            s.refused,
            s.retry_seconds,
        )
    return pipeline.add_stage(stage)


@click.pass_context
def _finish(
    ctx: click.Context,
    /,
    added: list[Any],
    json_file: str | None,
    viz_file: str | None,
    viz_direction: str,
    **told: Any,
) -> None:
    """Run the pipeline, the usual one if no stages were named; tell what it did."""
    from morpheus_gae.stages.shared import run_of, say

    if json_file is not None and not Path(json_file).absolute().parent.is_dir():
        raise UsageError(f"--metrics {json_file}: its folder does not exist")
    if viz_file is not None:
        _check_graphviz()
    if not added:
        refuse_idle(ctx)
        for name in USUAL:
            _add_stage(name)
    # what the stock pipelines do here, but they tell the user on stdout, where alerts may go
    pipeline = ctx.obj["pipeline"]
    pipeline.build()
    if viz_file is not None:
        # the host fails at a name without a folder
        pipeline.visualize(str(Path(viz_file).absolute()), rankdir=viz_direction.upper())
        say(f"Pipeline drawn to {viz_file}")
    run = run_of(pipeline)
    metrics = run.metrics
    with watched(ctx.obj["gae_settings"], metrics) as (_, health):
        metrics.start()
        health.ready = True
        try:
            pipeline.run()
        finally:
            metrics.end()
    if json_file is not None:
        facts = {"status": "stopped" if run.stopped else "finished", **metrics.as_dict()}
        write_figures(json_file, facts)
    say(told_facts("stopped" if run.stopped else "finished", metrics))


def _check_graphviz() -> None:
    if importlib.util.find_spec("graphviz") is None:
        raise GaeError("--viz_file needs graphviz, which is not installed: run  pip install graphviz")
    if shutil.which("dot") is None:
        raise GaeError(
            "--viz_file needs the program dot, which is not installed: run  apt-get install graphviz"
        )


class _OneLine(logging.Filter):
    """Shortens the host's log record of an expected error, whose one line comes at the end anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop the traceback of a ``GaeError``, and nothing else."""
        if record.exc_info and isinstance(record.exc_info[1], GaeError):
            record.exc_info = record.exc_text = None
        return True
