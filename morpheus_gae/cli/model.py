"""``morpheus-gae model``: list, show, verify, compare, retrain and promote model folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from morpheus_gae.cli.figures import spare_inputs, write_figures
from morpheus_gae.cli.options import Group, echo, executor_name, json_option, map_options
from morpheus_gae.cli.retrain import command as retrain
from morpheus_gae.engine.observe.logs import say
from morpheus_gae.engine.run.defaults import choose_model

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact


@click.group(name="model", cls=Group)
def command() -> None:
    """Look into trained models, compare them, train them on, and put one into use."""


command.add_command(retrain)


@command.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path())
@json_option()
def show(folder: str | None, json_file: str | None) -> None:
    """Show a model's spec, thresholds, training facts and sizes, and verify its hash.

    Example:  morpheus-gae model show models/default
    """
    from morpheus_gae.model.artifact import load_artifact

    # loading verifies the hash
    artifact = load_artifact(choose_model(folder))
    facts = _facts(artifact)
    if json_file is not None:
        write_figures(json_file, facts)
    echo("\n".join(_lines(facts)))


@command.command("list")
@click.argument("folder", metavar="[DIR]", default="models", type=click.Path())
@json_option()
def list_(folder: str, json_file: str | None) -> None:
    """List the models in a folder, and whether each is whole.

    Example:  morpheus-gae model list models
    """
    from morpheus_gae.errors import ArtifactError, UsageError
    from morpheus_gae.evaluate.tables import aligned
    from morpheus_gae.model.artifact import load_artifact

    at = Path(folder)
    if not at.is_dir():
        raise UsageError(f"{folder} is no folder")
    inside = sorted(path for path in at.iterdir() if (path / "config.json").is_file())
    folders = [at] if (at / "config.json").is_file() else inside
    if not folders:
        raise UsageError(f"no model in {folder}: a model is a folder with config.json in it")
    models: list[dict[str, Any]] = []
    for path in folders:
        try:
            artifact = load_artifact(path)
        except ArtifactError as error:
            models.append({"folder": str(path), "error": str(error)})
            continue
        training = artifact.config["training"]
        models.append(
            {
                "folder": str(path),
                "model": f"{artifact.name}@{artifact.hash}",
                "preset": artifact.spec.preset,
                "flows": training.get("flows"),
                "trained_on": training.get("trained_on", ""),
            }
        )
    rows = [["folder", "model", "preset", "flows"]]
    rows += [
        [m["folder"], m["model"], m["preset"], "-" if m["flows"] is None else f"{m['flows']:,}"]
        for m in models
        if "error" not in m
    ]
    broken = [m for m in models if "error" in m]
    if json_file is not None:
        write_figures(json_file, models)
    if len(rows) > 1:
        echo("\n".join(aligned(rows)))
    for m in broken:
        echo(f"broken: {m['error']}", err=True)
    if broken:
        raise click.exceptions.Exit(1)


@command.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path())
def verify(folders: tuple[str, ...]) -> None:
    """Read models as an executor would: seal, hashes, shapes and ranges of all that is in them.

    Example:  morpheus-gae model verify models/default
    """
    from morpheus_gae.errors import ArtifactError
    from morpheus_gae.model.artifact import load_artifact

    sound = True
    for folder in folders:
        try:
            artifact = load_artifact(folder)
        except ArtifactError as error:
            echo(f"broken: {error}", err=True)
            sound = False
        else:
            echo(f"sound: {artifact.name}@{artifact.hash}  {folder}")
    if not sound:
        raise click.exceptions.Exit(1)


@command.command()
@click.argument("one", metavar="DIR", type=click.Path())
@click.argument("other", metavar="DIR", type=click.Path())
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="URL",
    help="Flows: path, folder, glob or -; repeat it. Labels are used if there are any.",
)
@map_options
@click.option(
    "--graph_size", type=click.IntRange(min=1), default=200_000, show_default=True, help="Flows of a window."
)
@click.option("--executor", type=executor_name, default="cpu", show_default=True, help="What scores.")
@json_option()
def compare(
    one: str,
    other: str,
    inputs: tuple[str, ...],
    map: tuple[str, ...],
    columns: str | None,
    graph_size: int,
    executor: str,
    json_file: str | None,
) -> None:
    """Score the same flows with two models: do they agree, and which alerts would be the same?

    Example:  morpheus-gae model compare models/default models/new --input flows.parquet
    """
    from collections import Counter

    from tqdm import tqdm

    from morpheus_gae.evaluate.compare import compare as compared
    from morpheus_gae.evaluate.compare import lines
    from morpheus_gae.evaluate.score import read_any
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.flows.exporters.mapping import read_map

    spare_inputs([json_file], inputs)
    told = read_map(map, columns)
    first, second = open_executor(one, executor), open_executor(other, executor)
    bad: Counter[str] = Counter()
    with tqdm(
        disable=not _terminal(), unit=" flows", unit_scale=True, desc="compare", dynamic_ncols=True
    ) as bar:
        found = compared(read_any(list(inputs), bad, bar.update, told, say), first, second, graph_size)
    echo("\n".join(lines(found)))
    for reason, count in sorted(bad.items()):
        echo(f"left out {count:,} bad records: {reason}", err=True)
    if json_file is not None:
        write_figures(json_file, {"input": list(inputs), **found, "bad_records_by_reason": dict(bad)})


@command.command()
@click.argument("new", metavar="NEW", type=click.Path())
@click.argument("used", metavar="USED", type=click.Path())
def promote(new: str, used: str) -> None:
    """Put a model into use: verify NEW and copy it over USED, whose own goes to USED.previous.

    A pipeline that runs with USED and --reload_seconds takes it up. To go back:
    morpheus-gae model promote USED.previous USED

    Example:  morpheus-gae model promote models/new models/default
    """
    from morpheus_gae.model.promote import promote as put

    now, before = put(new, used)
    was = "no model" if before is None else f"{before} (now in {used}.previous)"
    echo(f"{used}: {now}, before: {was}")


def _terminal() -> bool:
    import sys

    return sys.stderr.isatty()


def _facts(artifact: Artifact) -> dict[str, Any]:
    probability, surprise = artifact.quantiles
    return {
        "model": f"{artifact.name}@{artifact.hash}",
        "folder": str(artifact.path),
        "hash": "verified",
        "spec": artifact.spec.as_dict(),
        "training": artifact.config["training"],
        "thresholds": artifact.thresholds,
        "quantiles": {
            "lowest_probability": float(probability[0]),
            "highest_probability": float(probability[-1]),
            "highest_surprise": float(surprise[-1]),
        },
        "tensors": len(artifact.tensors),
        "bytes": int(sum(t.nbytes for t in artifact.tensors.values())),
    }


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    """One fact a line, nested facts indented under their name."""
    width = max((len(name) for name, value in facts.items() if not isinstance(value, dict)), default=0)
    lines: list[str] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 9_999:
            lines.append(f"{indent}{name:<{width}}  {value:,}")
        else:
            lines.append(
                f"{indent}{name:<{width}}  {value:g}"
                if isinstance(value, float)
                else f"{indent}{name:<{width}}  {value}"
            )
    return lines
