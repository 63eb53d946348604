"""``morpheus-gae benchmark``: how fast each way to score is, side by side."""

from __future__ import annotations

from typing import Any

import click

from morpheus_gae.cli.figures import write_figures
from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import EXIT_SIGNAL, Command, echo, json_option
from morpheus_gae.cli.sections import section

SIZES = "10000,50000,250000,1000000,2500000"


def _listed(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Split names from repeatable, comma-separated options."""
    return [name.strip() for given in value for name in given.split(",") if name.strip()]


def _numbers(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> list[int]:
    """Parse numbers likewise; ``200k`` and ``2.5M`` are valid."""
    found = []
    for name in _listed(ctx, param, value):
        scale = {"k": 1e3, "m": 1e6}.get(name[-1].lower(), 1)
        try:
            number = float(name if scale == 1 else name[:-1]) * scale
        except ValueError:
            raise click.BadParameter(f"{name!r} is not a number of flows") from None
        if not number.is_integer() or number < 1:
            raise click.BadParameter(f"{name!r} is not a number of flows")
        found.append(int(number))
    return found


@click.command(cls=Command)
@section("What is compared")
@click.option(
    "--variants", multiple=True, callback=_listed, metavar="A,B", help="Which to compare; all by default."
)
@click.option(
    "--batch_size",
    "batch_sizes",
    multiple=True,
    callback=_numbers,
    metavar="N,...",
    default=(SIZES,),
    show_default=True,
    help="Flows of a batch.",
)
@click.option(
    "--batches", type=click.IntRange(min=1), default=32, show_default=True, help="Batches of each size."
)
@click.option("--hosts", type=click.IntRange(min=1), default=20_000, show_default=True, help="Of a batch.")
@click.option(
    "--regimes",
    multiple=True,
    callback=_listed,
    default=("client",),
    show_default=True,
    metavar="A,B",
    help="hub, client, uniform, resampled-1000: who talks to whom.",
)
@click.option(
    "--scaling",
    multiple=True,
    callback=_listed,
    metavar="A,B",
    help="flows: more sizes at these hosts; hosts: more hosts at one size. Of the first regime.",
)
@click.option("--model", metavar="DIR", help="Model folder (default: models/default).")
@click.option("--graph_size", type=click.IntRange(min=1), help="Flows of a graph; a batch is one by default.")
@section("How it is measured")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=4, show_default=True, help="Rounds of taking turns."
)
@click.option(
    "--limit_seconds",
    type=Number(min=0, min_open=True),
    default=15.0,
    show_default=True,
    help="Time for one variant with one batch size; fewer batches, if that is not enough for all.",
)
@click.option(
    "--limit_memory",
    type=Number(min=0.5),
    metavar="GB",
    help="Memory of one CPU variant [default: three quarters of the machine's].",
)
@click.option(
    "--known_share",
    type=Number(0.0, 1.0),
    default=0.9,
    show_default=True,
    help="Pairs of hosts that the model's memory knows; 0 leaves the memory as it is.",
)
@click.option(
    "--arrival_rate",
    type=Number(min=0),
    default=20_000.0,
    show_default=True,
    help="Flows per second for the time to alert; 0 leaves it out.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the traffic.")
@section("Output")
@click.option("--plot", metavar="FILE", help="Draw throughput over batch size, as .png or .svg.")
@json_option()
def command(
    variants: list[str],
    batch_sizes: list[int],
    batches: int,
    hosts: int,
    regimes: list[str],
    scaling: list[str],
    model: str | None,
    graph_size: int | None,
    repeats: int,
    limit_seconds: float,
    limit_memory: float | None,
    known_share: float,
    arrival_rate: float,
    seed: int,
    plot: str | None,
    json_file: str | None,
) -> None:
    """Measure throughput, latency and memory of every way to score, side by side.

    The variants take turns on the same made-up flows, each in a process of its own. Those that cannot run
    here, or run out of time or memory, are told so in the table. A few minutes by default.

    Example:  morpheus-gae benchmark --batch_size 10k,200k --batches 8 --json speed.json --plot speed.png
    """
    import signal
    import sys

    from morpheus_gae.benchmark.bench import benchmark
    from morpheus_gae.benchmark.machine import memory
    from morpheus_gae.benchmark.plan import Plan
    from morpheus_gae.benchmark.tables import text
    from morpheus_gae.benchmark.variants import VARIANTS, choose_variants
    from morpheus_gae.engine.run.defaults import choose_model

    if plot is not None:
        # report a missing library before the work
        from morpheus_gae.benchmark.plots import check

        check(plot)
    whole = memory()
    limit = None if whole is None else int(0.75 * whole)
    plan = Plan(
        variants=choose_variants(variants or list(VARIANTS)),
        model=choose_model(model),
        batch_sizes=batch_sizes,
        batches=batches,
        hosts=hosts,
        regimes=regimes,
        scaling=scaling,
        graph_size=graph_size,
        repeats=min(repeats, batches),
        limit_seconds=limit_seconds,
        limit_memory=limit if limit_memory is None else int(1e9 * limit_memory),
        known_share=known_share,
        arrival_rate=arrival_rate,
        seed=seed,
    )
    # clean up processes and files on termination signals
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(EXIT_SIGNAL + number))
    try:
        with _progress(len(plan.workloads) * len(plan.variants)) as bar:
            found = benchmark(plan, lambda name: bar.update())
    finally:
        signal.signal(signal.SIGTERM, before)
    echo(text(found))
    if json_file is not None:
        write_figures(json_file, found)
    if plot is not None:
        from morpheus_gae.benchmark.plots import draw

        draw(plot, found)


def _progress(cells: int) -> Any:
    import sys

    from tqdm import tqdm

    return tqdm(
        total=cells, unit=" cells", desc="benchmark", disable=not sys.stderr.isatty(), dynamic_ncols=True
    )
