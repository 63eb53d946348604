"""``morpheus-gae report``: alerts, incidents and the traffic behind them as one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import Command, echo, executor_name, map_options
from morpheus_gae.cli.sections import section
from morpheus_gae.engine.observe.logs import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST = 20_000


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="ALERTS...")
@section("Input")
@click.option(
    "--flows",
    "inputs",
    multiple=True,
    metavar="URL",
    help="The flows that were scored, labelled or not: path, folder or glob; repeat it. Scored again.",
)
@map_options
@click.option(
    "--model",
    metavar="DIR",
    help="Model folder; with --flows by default models/default or the one of the package.",
)
@click.option(
    "--incidents",
    metavar="FILE",
    help="Incidents that were folded before (.jsonl, .parquet, .arrow); folded from the alerts by default.",
)
@click.option(
    "--suppress",
    metavar="FILE",
    help="Leave out what rules of this TOML file tell, and tell how much: alerts, and incidents by kind.",
)
@click.option(
    "--flows_a_day",
    type=Number(min=0, min_open=True),
    help="Flows a day of the network, for severity; told by --flows or by the alerts by default.",
)
@click.option(
    "--graph_size", type=click.IntRange(min=1), default=200_000, show_default=True, help="Flows of a window."
)
@click.option("--executor", type=executor_name, default="cpu", show_default=True, help="What scores.")
@section("Output")
@click.option(
    "--output", metavar="FILE", default="report.html", show_default=True, help="The page; - is stdout."
)
@click.option("--title", default="Network anomaly report", show_default=True, help="Of the page.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=MOST,
    show_default=True,
    help="Alerts to list one by one, the strangest; counts are of all.",
)
def command(
    files: tuple[str, ...],
    inputs: tuple[str, ...],
    map: tuple[str, ...],
    columns: str | None,
    model: str | None,
    incidents: str | None,
    suppress: str | None,
    flows_a_day: float | None,
    graph_size: int,
    executor: str,
    output: str,
    title: str,
    most: int,
) -> None:
    """Write a report: one HTML file that needs no network, to read, to send and to print.

    ALERTS are files that  morpheus run pipeline-gae  wrote, encoding plain. It shows them over time, the
    incidents they come to, the hosts in them, and with --flows and --model how scores compare with training,
    drift, data quality and, where flows are labelled, how much was found.

    Example:  morpheus-gae report alerts.jsonl --flows today.parquet --model models/mine
    """
    from morpheus_gae.engine.run.defaults import choose_model
    from morpheus_gae.errors import UsageError
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.flows.exporters.mapping import read_map
    from morpheus_gae.report.page import page
    from morpheus_gae.report.values import Asked, gather
    from morpheus_gae.report.write import check_page, write_page
    from morpheus_gae.suppress.read import read_rules

    if "-" in (*files, *inputs):
        raise UsageError("a report reads files: - is none")
    check_page(output)
    asked = Asked(
        alerts=list(files),
        flows=list(inputs),
        incidents=incidents,
        preset=read_map(map, columns, None),
        most=most,
        daily=flows_a_day,
        graph_size=graph_size,
        title=title,
        rules=[] if suppress is None else read_rules(suppress),
    )
    runs = open_executor(choose_model(model), executor) if model is not None or inputs else None
    for progress in _progress():
        values = gather(asked, runs, progress, say)
    text = page(values)
    write_page(output, text)
    if output != "-":
        echo(
            f"{values['alerts_total']:,} alerts, {values['incidents_total']:,} incidents: "
            f"{output}, {len(text) / 1e6:.1f} MB"
        )


def _progress() -> Iterator[Callable[[str, int], object]]:
    """Return a progress bar on a terminal; otherwise nothing."""
    import sys

    from tqdm import tqdm

    with tqdm(disable=not sys.stderr.isatty(), unit=" rows", unit_scale=True, dynamic_ncols=True) as bar:

        def told(what: str, rows: int) -> None:
            bar.set_description(f"report: {what}", refresh=False)
            bar.update(rows)

        yield told
