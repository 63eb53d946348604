"""``morpheus-gae model``: show what is in a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from morpheus_gae.cli.options import Group, echo, json_option
from morpheus_gae.engine.choose import choose_model

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact


@click.group(name="model", cls=Group)
def command() -> None:
    """Look into a trained model."""


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
        import json

        Path(json_file).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    echo("\n".join(_lines(facts)))


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
