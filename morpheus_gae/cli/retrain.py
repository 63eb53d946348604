"""``morpheus-gae model retrain``: continues a model with new flows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from morpheus_gae.cli.figures import spare_inputs, write_figures
from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import Command, echo, json_option, map_options
from morpheus_gae.cli.train import contamination_rate, feedback_lines
from morpheus_gae.engine.observe.logs import say
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.flows.exporters.mapping import PresetLike

EPOCHS, PATIENCE, RATE = 10, 4, 1e-3
"""Fitted weights continue with a smaller learning rate, and stop sooner."""
KEEP = 0.5


@click.command("retrain", cls=Command)
@click.argument("folder", metavar="MODEL", type=click.Path())
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="URL",
    help="New flows: path, folder or glob; repeat it for more.",
)
@map_options
@click.option("--model", required=True, metavar="DIR", help="Folder the new model is written to.")
@click.option("--name", help="Of the new model; its folder's name by default.")
@click.option(
    "--keep",
    type=Number(0, 1),
    default=KEEP,
    show_default=True,
    metavar="SHARE",
    help="What a flow of the old memory counts beside a new one; 0 forgets it.",
)
@click.option(
    "--epochs", type=click.IntRange(min=1), default=EPOCHS, show_default=True, help="At most so many."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Same seed, same data, same old model: same new model.",
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
    help="Share of the new flows that may be attacks, as in train.",
)
@click.option(
    "--feedback",
    "feedback_file",
    metavar="FILE",
    help="As in train, for the new flows; what the old memory holds stays there.",
)
@click.option("--trained_on", default="", help="Words for the model card: where the new flows came from.")
@click.option(
    "--promote",
    is_flag=True,
    help="Put the new model in the place of MODEL, if it is not worse on the flows of --check.",
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="URL",
    help="Flows to compare both models by; labels are used if there are any.",
)
@click.option(
    "--no_resume", is_flag=True, help="Start over instead of going on from an interrupted run's checkpoint."
)
@json_option()
def command(
    folder: str,
    inputs: tuple[str, ...],
    map: tuple[str, ...],
    columns: str | None,
    model: str,
    name: str | None,
    keep: float,
    epochs: int,
    seed: int,
    graph_size: int,
    contamination: float | None,
    feedback_file: str | None,
    trained_on: str,
    promote: bool,
    checks: tuple[str, ...],
    no_resume: bool,
    json_file: str | None,
) -> None:
    """Train MODEL on with new flows.

    Its weights go on from where they are. Counts of its memory are halved (--keep) and those of the new flows
    added, calibration and thresholds come from the new flows alone. The card of the new model names the old
    one. MODEL itself stays as it is, unless --promote puts the new one in its place; its own then goes to
    MODEL.previous.

    Example:  morpheus-gae model retrain models/mine --input 'new/*.parquet' --model models/next
    """
    import sys

    from morpheus_gae.flows.exporters.mapping import read_map
    from morpheus_gae.model.artifact import load_artifact
    from morpheus_gae.model.names import check_name
    from morpheus_gae.suppress.feedback import read_feedback

    out = Path(model)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--model {model} is a file: a model is a folder")
    if out.is_dir() and Path(folder).is_dir() and out.samefile(folder):
        raise UsageError(f"--model {model} is the old model's folder: give another one, and --promote")
    if promote != bool(checks):
        raise UsageError("--promote and --check go together: a model is promoted by how it does on flows")
    spare_inputs([json_file], (*inputs, *checks))
    told = read_map(map, columns)
    name = check_name(name, out)
    # validate everything before flows are read
    feedback = [] if feedback_file is None else read_feedback(feedback_file)
    old = load_artifact(folder)
    from morpheus_gae.train.options import TrainOptions
    from morpheus_gae.train.parent import Parent
    from morpheus_gae.train.read import read_for_training
    from morpheus_gae.train.train import train_model

    terminal = sys.stderr.isatty()
    flows, bad = read_for_training(
        list(inputs), near=model, progress=terminal, preset=told, say=say, enriched=old.spec.enriched
    )
    options = TrainOptions(
        seed=seed, graph_size=graph_size, contamination=contamination, epochs=epochs, patience=PATIENCE,
        learning_rate=RATE,
    )  # fmt: skip
    new = train_model(
        flows,
        out,
        options=options,
        name=name,
        progress=terminal,
        resume=not no_resume,
        trained_on=trained_on or str(old.config["training"].get("trained_on", "")),
        parent=Parent(old, keep),
        feedback=feedback,
    )
    facts: dict[str, Any] = new.config["training"]
    for reason, count in sorted(bad.items()):
        echo(f"left out {count:,} bad records: {reason}", err=True)
    for line in feedback_lines(facts):
        echo(line, err=True)
    if facts["set_aside"]:
        echo(f"{facts['set_aside']:,} flows of {facts['incidents']:,} incidents are not counted", err=True)
    echo(
        f"{new.name}@{new.hash}, from {facts['parent']}: {facts['flows']:,} new flows; "
        f"{facts['hosts']:,} hosts and {facts['pairs']:,} pairs remembered, {facts['seconds']} s -> {model}",
        err=True,
    )
    if json_file:
        values = {"model": new.name, "hash": new.hash, "bad_records": bad, **new.config}
        write_figures(json_file, values)
    if promote:
        _promote(folder, model, list(checks), told, graph_size)


def _promote(used: str, new: str, checks: list[str], told: PresetLike, graph_size: int) -> None:
    """Replace the old model by the new one if that is not worse."""
    from collections import Counter

    from morpheus_gae.evaluate.compare import compare, worse
    from morpheus_gae.evaluate.score import read_any
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.model.promote import promote

    bad: Counter[str] = Counter()
    flows = read_any(checks, bad, lambda count: None, told, say)
    found = compare(flows, open_executor(used, "cpu"), open_executor(new, "cpu"), graph_size)
    reasons = worse(found)
    if reasons:
        for reason in reasons:
            echo(f"worse: {reason}", err=True)
        echo(f"not promoted: {used} stays in use", err=True)
        raise click.exceptions.Exit(1)
    now, before = promote(new, used)
    echo(f"{used}: {now}, before: {before} (now in {used}.previous)", err=True)
