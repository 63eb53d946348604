"""``morpheus-gae train``: trains a model on the user's own traffic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from morpheus_gae.cli.figures import spare_inputs, write_figures
from morpheus_gae.cli.options import Command, echo, json_option, map_options, rate
from morpheus_gae.cli.sections import section
from morpheus_gae.engine.observe.logs import say
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

INCIDENTS_SHOWN = 10


def contamination_rate(text: str) -> float | None:
    """A share below a half, written as ``0.01`` or ``1%``; None for ``auto``.

    Raises
    ------
    click.BadParameter
        If the text is neither.
    """
    if str(text).strip().lower() == "auto":
        return None
    value = 0.0 if str(text).strip() in ("0", "0%", "0.0") else rate(text)
    if value >= 0.5:
        raise click.BadParameter(f"{text!r}: less than half of the flows can be attacks")
    return value


def feedback_lines(facts: dict[str, Any]) -> list[str]:
    """Describe the effect of the feedback, in lines; empty without feedback."""
    told = facts.get("feedback")
    if told is None:
        return []
    nowhere = sum(one["flows"] == 0 for one in told["listed"])
    more = f"; {nowhere:,} are of no flow here" if nowhere else ""
    return [
        f"feedback on {told['told']:,} alerts and incidents: {told['attack_flows']:,} flows left out as "
        f"attacks, {told['benign_flows']:,} kept as benign{more}"
    ]


@click.command(cls=Command)
@section("Input")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="URL",
    help="Flows: path, folder or glob; repeat it for more.",
)
@map_options
@section("Model")
@click.option("--model", required=True, metavar="DIR", help="Folder the model is written to.")
@click.option("--preset", default="default", show_default=True, help="default, graph, or published.")
@click.option(
    "--features",
    type=click.Choice(["flow", "enriched"]),
    default="flow",
    show_default=True,
    help="enriched: ports, protocol, packets, TCP flags and application too, where flows tell them.",
)
@click.option("--name", help="Of the model; the folder's name by default.")
@section("Training")
@click.option(
    "--epochs", type=click.IntRange(min=1), help="At most so many (default 25; training stops early)."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Same seed, same data: same model.",
)
@click.option(
    "--max_flows",
    type=click.IntRange(min=1),
    help="Read at most so many flows; by default all.",
)
@click.option(
    "--graph_size",
    type=click.IntRange(min=1),
    default=200_000,
    show_default=True,
    help="Flows of a window when scoring.",
)
@click.option(
    "--contamination",
    type=contamination_rate,
    default="auto",
    show_default=True,
    metavar="auto|RATE",
    help="Share of the flows that may be attacks (0.01 or 1%): as many are not counted for a threshold.",
)
@click.option(
    "--feedback",
    "feedback_file",
    metavar="FILE",
    help="Leave out flows that morpheus-gae feedback told to be attacks, keep those told to be benign.",
)
@section("Output")
@click.option(
    "--incidents",
    "incidents_file",
    metavar="FILE",
    help="Write what was found in the flows: .csv, .ndjson, .jsonl, .parquet or .arrow; - is stdout.",
)
@click.option("--trained_on", default="", help="Words for the model card: where the flows came from.")
@click.option(
    "--no_resume", is_flag=True, help="Start over instead of going on from an interrupted run's checkpoint."
)
@json_option()
def command(
    inputs: tuple[str, ...],
    map: tuple[str, ...],
    columns: str | None,
    model: str,
    preset: str,
    features: str,
    name: str | None,
    epochs: int | None,
    seed: int,
    max_flows: int | None,
    graph_size: int,
    contamination: float | None,
    feedback_file: str | None,
    incidents_file: str | None,
    trained_on: str,
    no_resume: bool,
    json_file: str | None,
) -> None:
    """Train on unlabelled or benign flows.

    Labels, if the flows have any, are read neither in training nor for a threshold. The flows count as in
    time order (sorted, if they have start times). Bursts between hosts that do not meet again are left out,
    since they may be attacks, and told as incidents. Thresholds for alert budgets of 0.01 %, 0.1 %, 1 % and
    2 % come from all other flows, each fifth of the time scored with the memory of the other four. An
    interrupted run goes on where it was when started again.

    Example:  morpheus-gae train --input 'flows/*.parquet' --model models/mine
    """
    import sys

    from morpheus_gae.model.names import check_name
    from morpheus_gae.model.spec import enriched
    from morpheus_gae.model.spec import preset as preset_of

    spec = preset_of(preset)
    if features == "enriched":
        spec = enriched(spec)
    # validate the name before hours of training
    if Path(model).exists() and not Path(model).is_dir():
        raise UsageError(f"--model {model} is a file: a model is a folder")
    from morpheus_gae.flows.exporters.mapping import read_map
    from morpheus_gae.sinks.open import check_destination, open_sink

    if incidents_file is not None:
        check_destination(incidents_file)
    spare_inputs([json_file, incidents_file], inputs)
    told = read_map(map, columns)
    name = check_name(name, Path(model))
    from morpheus_gae.suppress.feedback import read_feedback

    feedback = [] if feedback_file is None else read_feedback(feedback_file)
    from morpheus_gae.train.incidents import table_text
    from morpheus_gae.train.options import TrainOptions
    from morpheus_gae.train.read import read_for_training
    from morpheus_gae.train.train import train_model

    terminal = sys.stderr.isatty()
    flows, bad = read_for_training(
        list(inputs), max_flows, near=model, progress=terminal, preset=told, say=say, enriched=spec.enriched
    )
    if len(flows) == max_flows:
        echo(
            f"Note: training takes the first {max_flows:,} flows, as --max_flows says",
            err=True,
        )
    options = TrainOptions(seed=seed, graph_size=graph_size, contamination=contamination)
    found: list[pa.Table] = []
    artifact = train_model(
        flows,
        Path(model),
        spec=spec,
        epochs=epochs,
        options=options,
        name=name,
        progress=terminal,
        resume=not no_resume,
        trained_on=trained_on,
        tell=found.append,
        feedback=feedback,
    )
    facts: dict[str, Any] = artifact.config["training"]
    for reason, count in sorted(bad.items()):
        echo(f"left out {count:,} bad records: {reason}", err=True)
    for line in feedback_lines(facts):
        echo(line, err=True)
    if found[0].num_rows:
        echo(
            f"{found[0].num_rows:,} incidents among these flows ({facts['set_aside']:,} flows, counted for "
            "no threshold); those with the most surprise:",
            err=True,
        )
        echo(table_text(found[0], INCIDENTS_SHOWN), err=True)
    if incidents_file is not None:
        sink = open_sink(incidents_file)
        sink.add(found[0])
        sink.close()
    echo(
        f"{artifact.name}@{artifact.hash}: {facts['flows']:,} flows, {facts['hosts']:,} hosts, "
        f"{facts['pairs']:,} pairs, {facts['epochs']} epochs, {facts['seconds']} s -> {model}",
        err=True,
    )
    if json_file:
        values = {"model": artifact.name, "hash": artifact.hash, "bad_records": bad, **artifact.config}
        write_figures(json_file, values)
