"""``morpheus``: run the pipeline that flags anomalous flows."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from morpheus_gae import __version__
from morpheus_gae.cli.config import config_path, read_config
from morpheus_gae.cli.options import Group, PositiveInt, Root
from morpheus_gae.cli.pipeline import BESIDE, PREFIX, pipeline_gae
from morpheus_gae.errors import UsageError

MOST_THREADS, MOST_ROWS = 4096, 1 << 30
"""What libraries below can count."""
HOST_SETTINGS: dict[str, Any] = {
    "auto_envvar_prefix": PREFIX,
    "show_default": True,
    "prog_name": "morpheus",
}


def engine_told(args: Sequence[str]) -> str:
    """Return the engine from ``--engine`` of ``run``, MORPHEUS_RUN_ENGINE, or a config file, in this order.

    It selects the command line, which then reports an unreadable file.
    """
    for i, arg in enumerate(args):
        if arg.startswith("pipeline"):
            break
        if arg == "--engine" and i + 1 < len(args):
            return args[i + 1]
        if arg.startswith("--engine="):
            return arg.partition("=")[2]
    told = os.environ.get("MORPHEUS_RUN_ENGINE")
    if not told:
        with suppress(UsageError):
            path = config_path(args, PREFIX)
            run = {} if path is None else read_config(path).get("run")
            told = run.get("engine") if isinstance(run, dict) else None
    return told if isinstance(told, str) and told else "auto"


class Script(Root):
    """The command line of this project, or that of NVIDIA Morpheus with our commands."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the command line of the requested engine."""
        from morpheus_gae.engine.run.defaults import morpheus_installed

        given = sys.argv[1:] if args is None else list(args)
        # unknown or missing ones are reported by the embedded command line
        if engine_told(given) in ("auto", "morpheus") and morpheus_installed():
            from morpheus_gae.cli.host import host_cli

            return host_cli().main(given, *rest, **{**HOST_SETTINGS, **extra})
        return super().main(given, *rest, **extra)


@click.group(cls=Script, beside=BESIDE, context_settings={"auto_envvar_prefix": PREFIX})
@click.version_option(__version__, prog_name="morpheus (morpheus-gae)")
def main() -> None:
    """Run NetFlow anomaly detection pipelines.

    Every option can be set in the environment: MORPHEUS_RUN_PIPELINE_GAE_MODEL is --model of pipeline-gae.
    """


@main.group(cls=Group)
@click.option(
    "--num_threads",
    type=click.IntRange(1, MOST_THREADS),
    help="CPU threads for numeric libraries; all by default.",
)
@click.option(
    "--pipeline_batch_size",
    type=click.IntRange(1, MOST_ROWS),
    default=262_144,
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


run.add_command(pipeline_gae)


if __name__ == "__main__":
    main()
