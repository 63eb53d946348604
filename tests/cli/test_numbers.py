"""Options that are numbers: neither NaN nor infinities."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from morpheus_gae.cli.numbers import Number


@click.command()
@click.option("--share", type=Number(0, 1, min_open=True))
def command(share: float) -> None:
    """Say it."""
    click.echo(repr(share))


@pytest.mark.parametrize("text", ["nan", "-nan", "inf", "1e999", "0", "1.5", "x", ""])
def test_what_is_none(text: str) -> None:
    done = CliRunner().invoke(command, ["--share", text])
    assert done.exit_code == 2
    assert "Invalid value for '--share'" in done.output


def test_what_is_one() -> None:
    assert CliRunner().invoke(command, ["--share", "0.25"]).output == "0.25\n"
    # as click's own
    assert "FLOAT RANGE" in CliRunner().invoke(command, ["--help"]).output
