"""``morpheus-gae doctor``: does everything that scoring needs work on this machine?"""

from __future__ import annotations

from typing import Any

import click

from morpheus_gae.cli.figures import write_figures
from morpheus_gae.cli.options import EXIT_FAILED, Command, echo, json_option


@click.command(cls=Command)
@click.option("--model", metavar="DIR", help="Model to test; the shipped one by default.")
@json_option()
@click.pass_context
def command(ctx: click.Context, model: str | None, json_file: str | None) -> None:
    """Report versions, processors, limits, compiled kernels and a self-test of the model.

    Exits 1 if something that scoring needs is broken.

    Example:  morpheus-gae doctor --json doctor.json
    """
    from morpheus_gae.engine.run.doctor import examine

    report = examine(model)
    if json_file is not None:
        facts = {"ok": not report.problems, "problems": report.problems, "remarks": report.remarks}
        write_figures(json_file, {**facts, **report.facts})
    for section, facts in report.facts.items():
        echo(section)
        width = max((len(name) for name in facts), default=0)
        for name, value in facts.items():
            echo(f"  {name:<{width}}  {_text(value)}")
    for line in report.remarks:
        echo(f"remark: {line}")
    for line in report.problems:
        echo(f"problem: {line}", err=True)
    if report.problems:
        ctx.exit(EXIT_FAILED)
    echo("everything that scoring needs works here")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join("unlimited" if v is None else str(v) for v in value)
    return "not installed" if value is None else str(value)
