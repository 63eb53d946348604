"""``morpheus-gae study``: models and comparators side by side on labelled flows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from morpheus_gae.cli.figures import spare_inputs, write_figures, write_text
from morpheus_gae.cli.options import Command, echo, json_option
from morpheus_gae.cli.sections import section


@click.command(cls=Command)
@section("Input")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="URL",
    help="Labelled flows: path, folder or glob; repeat it.",
)
@click.option(
    "--split",
    type=click.Choice(["temporal", "random", "tail"]),
    default="temporal",
    show_default=True,
    help="Benign flows to train on (a quarter validates): first or random 80 %, or first 80 % of the file.",
)
@click.option(
    "--streams",
    default="burst20,camo",
    show_default=True,
    help="Of file, burst5, burst20, mix50, camo, readdressed.",
)
@section("Detectors")
@click.option("--presets", default="default", show_default=True, help="Models to train; empty for none.")
@click.option(
    "--comparators", is_flag=True, help="Add rules, histograms, isolation forest, dense autoencoder."
)
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of training; the trainer's own by default.")
@click.option(
    "--graph_size", type=click.IntRange(min=1), default=200_000, show_default=True, help="Flows of a window."
)
@click.option(
    "--executor", type=click.Choice(["cpu", "torch"]), default="cpu", show_default=True, help="What scores."
)
@section("Output")
@click.option(
    "--keep", metavar="DIR", type=click.Path(file_okay=False), help="Keep the trained models in DIR."
)
@click.option(
    "--markdown", metavar="FILE", type=click.Path(dir_okay=False), help="Write the tables to FILE as well."
)
@json_option()
def command(
    inputs: tuple[str, ...],
    split: str,
    streams: str,
    presets: str,
    comparators: bool,
    seeds: int,
    epochs: int | None,
    graph_size: int,
    executor: str,
    keep: str | None,
    markdown: str | None,
    json_file: str | None,
) -> None:
    """Train on part of the benign flows, test on the rest mixed with the attacks, and compare.

    Prints Markdown tables: area under the ROC curve, average precision, attacks found and benign flows
    flagged at alert budgets of 0.1, 1 and 2 %, and the share found of each class. A budget is told only
    where at least 10 validation flows lie above its threshold, else "-".

    Example:  morpheus-gae study --input labelled.parquet --split random --comparators --markdown study.md
    """
    import sys
    from dataclasses import replace

    import numpy as np
    from tqdm import tqdm

    from morpheus_gae.errors import InputError, UsageError
    from morpheus_gae.evaluate.baselines.comparators import COMPARATORS
    from morpheus_gae.evaluate.data.streams import STREAMS
    from morpheus_gae.evaluate.score import read_labelled
    from morpheus_gae.evaluate.studies.study import Plan, study
    from morpheus_gae.evaluate.tables import markdown as tables
    from morpheus_gae.flows.frame import concat
    from morpheus_gae.model.spec import preset as preset_of

    plan = Plan(
        split=split,
        streams=_names(streams),
        presets=_names(presets),
        comparators=tuple(COMPARATORS) if comparators else (),
        seeds=seeds,
        epochs=epochs,
        graph_size=graph_size,
        executor=executor,
    )
    for name in plan.presets:
        preset_of(name)
    unknown = sorted(set(plan.streams) - set(STREAMS))
    if unknown or not plan.streams:
        raise UsageError(f"unknown streams {unknown}: choose of {', '.join(STREAMS)}")
    if not plan.steps:
        raise UsageError("nothing to compare: give --presets, --comparators, or both")
    spare_inputs([json_file, markdown], inputs)
    terminal = sys.stderr.isatty()
    bad: Counter[str] = Counter()
    with tqdm(disable=not terminal, unit=" flows", unit_scale=True, desc="read", dynamic_ncols=True) as bar:
        parts = list(read_labelled(list(inputs), bad, bar.update))
    if not parts:
        raise InputError(f"no well-formed flow in {', '.join(inputs)}; bad records: {dict(bad) or 'none'}")
    flows = concat(parts)
    # positions in one file order over all inputs
    flows = replace(flows, rows=np.arange(len(flows), dtype=np.int64))
    with tqdm(total=plan.steps, disable=not terminal, desc="study", dynamic_ncols=True) as bar:
        begun: list[str] = []

        def step(name: str) -> None:
            bar.update(1 if begun else 0)
            bar.set_postfix_str(name)
            begun.append(name)

        found = study(flows, plan, keep=None if keep is None else Path(keep), step=step)
        bar.update(1)
    page = tables(found)
    echo(page)
    for reason, count in sorted(bad.items()):
        echo(f"left out {count:,} bad records: {reason}", err=True)
    if markdown is not None:
        write_text(markdown, page)
    if json_file is not None:
        about = {
            "input": list(inputs),
            "epochs": epochs,
            "graph_size": graph_size,
            "bad_records_by_reason": dict(bad),
        }
        write_figures(json_file, {**about, **found})


def _names(listed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))
