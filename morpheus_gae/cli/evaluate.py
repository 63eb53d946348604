"""``morpheus-gae evaluate``: how well a model does on labelled flows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from morpheus_gae.cli.options import Command, echo, executor_name, json_option, map_options
from morpheus_gae.engine.logs import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from morpheus_gae.flows.frame import Flows

STREAMS = ("file", "burst5", "burst20", "mix50", "camo", "readdressed")


@click.command(cls=Command)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="URL",
    help="Labelled flows: path, folder, glob or -; repeat it.",
)
@map_options
@click.option("--model", metavar="DIR", help="Model folder (default: models/default).")
@click.option(
    "--plots", metavar="DIR", type=click.Path(file_okay=False), help="Draw ROC, precision/recall, scores."
)
@click.option(
    "--graph_size", type=click.IntRange(min=1), default=200_000, show_default=True, help="Flows of a window."
)
@click.option("--executor", type=executor_name, default="cpu", show_default=True, help="What scores.")
@click.option(
    "--stream",
    "order",
    type=click.Choice(STREAMS),
    default="file",
    show_default=True,
    help="file: as recorded. Others hold all flows in memory and mix them anew.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the stream's mixing."
)
@json_option()
def command(
    inputs: tuple[str, ...],
    map: tuple[str, ...],
    columns: str | None,
    model: str | None,
    plots: str | None,
    graph_size: int,
    executor: str,
    order: str,
    seed: int,
    json_file: str | None,
) -> None:
    """Measure a model on labelled flows.

    Needs a column Label (0 or 1) or Attack (Benign, or the class). Labels are read for the figures alone;
    thresholds are those that the model was calibrated to. Streams: burst5 and burst20 insert runs of attacks
    into the benign flows (5 and 20 %), mix50 shuffles half and half, camo moves attacks onto benign pairs of
    hosts, readdressed moves attacking and attacked hosts to other hosts.

    Example:  morpheus-gae evaluate --input labelled.parquet --model models/default --plots plots
    """
    import json
    import sys

    from tqdm import tqdm

    from morpheus_gae.engine.choose import choose_model
    from morpheus_gae.evaluate.metrics import figures
    from morpheus_gae.evaluate.score import read_labelled, score_labelled
    from morpheus_gae.evaluate.tables import text
    from morpheus_gae.executors.base import open_executor
    from morpheus_gae.flows.mapping import read_map

    told = read_map(map, columns)
    if plots is not None:
        # a missing library is told before the work, not after it
        import morpheus_gae.evaluate.plots
    runs = open_executor(choose_model(model), executor)
    artifact = runs.artifact
    bad: Counter[str] = Counter()
    with tqdm(
        disable=not sys.stderr.isatty(), unit=" flows", unit_scale=True, desc="evaluate", dynamic_ncols=True
    ) as bar:
        batches: Iterable[Flows] = read_labelled(list(inputs), bad, bar.update, told, say)
        if order != "file":
            batches = _mixed(batches, order, seed)
        labels, surprise = score_labelled(batches, runs, graph_size)
    found = figures(
        labels,
        surprise,
        artifact.thresholds,
        supported=artifact.supported_budgets,
        bad_records=sum(bad.values()),
    )
    name = f"{artifact.name}@{artifact.hash}"
    echo(f"model {name}   stream {order}\n{text(found)}")
    for reason, count in sorted(bad.items()):
        echo(f"left out {count:,} bad records: {reason}", err=True)
    if json_file is not None:
        about = {
            "model": name,
            "input": list(inputs),
            **({"map": list(map)} if map else {}),
            **({"columns": columns} if columns is not None else {}),
            "stream": order,
            "seed": seed,
            "graph_size": graph_size,
            "executor": executor,
            "bad_records_by_reason": dict(bad),
        }
        Path(json_file).write_text(json.dumps({**about, **found}, indent=2) + "\n", encoding="utf-8")
    if plots is not None:
        title = f"{name}, stream {order}, {found['flows']:,} flows"
        for path in morpheus_gae.evaluate.plots.draw(plots, labels, surprise, artifact.thresholds, title):
            echo(str(path), err=True)


def _mixed(batches: Iterable[Flows], order: str, seed: int) -> Iterator[Flows]:
    from morpheus_gae.errors import InputError
    from morpheus_gae.evaluate.labels import labels_of
    from morpheus_gae.evaluate.streams import stream
    from morpheus_gae.flows.frame import concat

    parts = list(batches)
    if not parts:
        raise InputError("no well-formed flow in the input")
    flows = concat(parts)
    labels = labels_of(flows.table)
    benign = flows.take(labels.labelled & ~labels.attack)
    yield stream(order, benign, flows.take(labels.labelled & labels.attack), seed)
