"""``morpheus-gae gpu-check``: is the CUDA executor right on this GPU, and how fast is it?"""

from __future__ import annotations

import click

from morpheus_gae.cli.benchmark import _numbers
from morpheus_gae.cli.figures import write_figures
from morpheus_gae.cli.options import EXIT_FAILED, Command, echo, json_option


@click.command(cls=Command)
@click.option(
    "--device",
    metavar="DEVICE",
    type=click.Choice(["cpu", *("cuda" if i is None else f"cuda:{i}" for i in (None, *range(16)))]),
    default="cuda",
    show_default="cuda",
    help="cuda, cuda:1, ...; cpu tries the steps out.",
)
@click.option(
    "--windows",
    multiple=True,
    callback=_numbers,
    metavar="N,...",
    default=("200k,2.5M",),
    show_default=True,
    help="Flows of the windows that are timed.",
)
@click.option(
    "--limit_seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=450.0,
    show_default=True,
    help="Time for everything.",
)
@json_option()
@click.pass_context
def command(
    ctx: click.Context, device: str, windows: list[int], limit_seconds: float, json_file: str | None
) -> None:
    """Compare every preset on a GPU with the CPU, look for races, measure speed and each operation.

    Says "right", or what differs. Exits 1 if something does, 2 if there is no such GPU.

    Example:  morpheus-gae gpu-check --json gpu.json
    """
    from morpheus_gae.benchmark.card import check

    found = check(device, windows, limit_seconds, echo)
    if json_file is not None:
        from dataclasses import asdict

        facts = {"right": not found.problems, **asdict(found)}
        write_figures(json_file, facts)
    for line in found.problems:
        echo(f"problem: {line}", err=True)
    if found.problems:
        ctx.exit(EXIT_FAILED)
    echo(f"right: scores are the CPU's, and no number moves ({found.seconds:.0f} s)")
