"""``morpheus-gae evaluate``: how well a model does on labelled flows, or many detectors on many sets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from morpheus_gae.cli.figures import spare_inputs, write_figures
from morpheus_gae.cli.options import Command, echo, executor_name, json_option, map_options
from morpheus_gae.cli.sections import section
from morpheus_gae.engine.observe.logs import say
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from morpheus_gae.flows.frame import Flows

STREAMS = ("file", "burst5", "burst20", "mix50", "camo", "readdressed")


@click.command(cls=Command)
@section("Input")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="URL",
    help="Labelled flows: path, folder, glob or -; repeat it.",
)
@map_options
@section("One model")
@click.option(
    "--model", metavar="DIR", help="Model folder (default: models/default; in a suite for protocol cold)."
)
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
@section("Suite")
@click.option(
    "--suite",
    multiple=True,
    metavar="URL",
    help="In place of --input: files, folders or globs, each file a set of its own; train and compare.",
)
@click.argument("more", nargs=-1, metavar="")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    metavar="NAME",
    help="Of a suite: as_is, temporal, random, ordered, dirty=1%, drift, cold  [default: as_is]",
)
@click.option(
    "--detector",
    "detectors",
    multiple=True,
    metavar="NAME",
    help="Of a suite: presets and comparators, or all  [default: default]",
)
@click.option(
    "--ablation", is_flag=True, help="Of a suite: what default is without each of its parts, in a table."
)
@click.option("--streams", default="burst20,camo", show_default=True, help="Of a suite, see --stream.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Of a suite: runs of each."
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Of a suite's models; the trainer's own by default."
)
@click.option("--keep", metavar="DIR", type=click.Path(file_okay=False), help="Keep a suite's models in DIR.")
@click.option(
    "--markdown",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a suite's tables to FILE as well.",
)
@section("Output")
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
    suite: tuple[str, ...],
    more: tuple[str, ...],
    protocols: tuple[str, ...],
    detectors: tuple[str, ...],
    ablation: bool,
    streams: str,
    seeds: int,
    epochs: int | None,
    keep: str | None,
    markdown: str | None,
    json_file: str | None,
) -> None:
    """Measure a model on labelled flows.

    Needs a column Label (0 or 1) or Attack (Benign, or the class). Labels are read for the figures alone;
    thresholds are those that the model was calibrated to. Streams: burst5 and burst20 insert runs of attacks
    into the benign flows (5 and 20 %), mix50 shuffles half and half, camo moves attacks onto benign pairs of
    hosts, readdressed moves attacking and attacked hosts to other hosts.

    With --suite, detectors are trained and compared: on every file, by every protocol, with every stream and
    seed. Protocols: as_is trains as the train command does on the earlier benign flows; temporal and random
    split in memory; ordered is random with the order left; dirty=1% hides attack campaigns in training and
    tests with other attackers; drift looks at each later tenth of the time; cold asks a model of another
    network. Trivial rules are always there. Options may be repeated or hold several names between commas.

    Example:  morpheus-gae evaluate --input labelled.parquet --model models/default --plots plots

    Example:  morpheus-gae evaluate --suite flows/ --protocol as_is,dirty,drift --markdown suite.md
    """
    from morpheus_gae.flows.exporters.mapping import read_map

    if more and not suite:
        raise UsageError(f"unexpected {more[0]!r}: only --suite takes several files after it")
    if bool(suite) == bool(inputs):
        raise UsageError("give either --input, to measure a model, or --suite, to train and compare")
    if ablation and not suite:
        raise UsageError("--ablation is of a suite: give --suite in place of --input")
    if suite:
        from morpheus_gae.cli.suite import measure, plan_of

        plan = plan_of(
            protocols or ("as_is",),
            detectors or ("default",),
            (streams,),
            seeds=seeds,
            epochs=epochs,
            graph_size=graph_size,
            executor=executor,
            model=model,
            ablation=ablation,
        )
        told = read_map(map, columns)
        measure(
            (*suite, *more), plan, preset=told, keep=keep, json_file=json_file, markdown=markdown, plots=plots
        )
        return
    _measure_model(inputs, map, columns, model, plots, graph_size, executor, order, seed, json_file)


def _measure_model(
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
    """One model, one stream."""
    import sys

    from tqdm import tqdm

    from morpheus_gae.engine.run.defaults import choose_model
    from morpheus_gae.evaluate.metrics import figures
    from morpheus_gae.evaluate.score import read_labelled, score_labelled
    from morpheus_gae.evaluate.tables import text
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.flows.exporters.mapping import read_map

    spare_inputs([json_file], inputs)
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
        write_figures(json_file, {**about, **found})
    if plots is not None:
        title = f"{name}, stream {order}, {found['flows']:,} flows"
        for path in morpheus_gae.evaluate.plots.draw(plots, labels, surprise, artifact.thresholds, title):
            echo(str(path), err=True)


def _mixed(batches: Iterable[Flows], order: str, seed: int) -> Iterator[Flows]:
    from morpheus_gae.errors import InputError
    from morpheus_gae.evaluate.data.streams import stream
    from morpheus_gae.evaluate.labels import labels_of
    from morpheus_gae.flows.frame import concat

    parts = list(batches)
    if not parts:
        raise InputError("no well-formed flow in the input")
    flows = concat(parts)
    labels = labels_of(flows.table)
    benign = flows.take(labels.labelled & ~labels.attack)
    yield stream(order, benign, flows.take(labels.labelled & labels.attack), seed)
