from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from morpheus_gae.cli import gae, morpheus
from morpheus_gae.cli.options import Command, Group, json_option
from morpheus_gae.cli.sections import grouped, section
from tests.cli.test_config import EVERY


@click.command(cls=Command)
@section("Second")
@json_option()
@click.option("--b", help="Of the second.")
@grouped("First", click.option("--a", help="One."), click.option("--c", hidden=True), click.option("--d"))
@click.option("--rest")
def toy(**told: str) -> None:
    """Toy."""


def page(command: click.Command, *args: str) -> dict[str, list[str]]:
    """Long options by section."""
    text = CliRunner().invoke(command, [*args, "--help"]).output
    found: dict[str, list[str]] = {}
    for title, body in re.findall(r"^(\S[^\n]*):\n((?:  .*\n|\n)*)", text, re.MULTILINE):
        found[title] = re.findall(r"^  (?:-\w, )?--(\w+)", body, re.MULTILINE)
    return found


def test_options_stand_where_they_were_put() -> None:
    assert page(toy) == {"Second": ["json", "b", "rest"], "First": ["a", "d"], "Options": ["config", "help"]}
    assert list(page(toy)) == ["Second", "First", "Options"]


def test_a_group_lists_its_commands_last() -> None:
    group = Group("g", params=[click.Option(["--x"])])
    group.add_command(toy)
    done = CliRunner().invoke(group, ["--help"]).output
    assert done.index("--x") < done.index("Commands:\n  toy")


@pytest.mark.parametrize("main", [gae.main, morpheus.main], ids=["gae", "morpheus"])
def test_every_option_stands_on_its_page_once(main: click.Command) -> None:
    mine = {path for name, path, _ in EVERY if (name == "morpheus") is (main is morpheus.main)}
    for path in sorted(mine):
        shown = [word for words in page(main, *path).values() for word in words]
        told = {
            str(o.opts[0])[2:]
            for name, at, o in EVERY
            if at == path and (name == "morpheus") is (main is morpheus.main)
        }
        assert told <= set(shown)
        assert len(set(shown)) == len(shown)


def test_the_long_pages_have_sections() -> None:
    assert {"Input", "Model", "Windows", "Threshold", "Output", "Kafka", "Operation", "State"} <= set(
        page(morpheus.main, "run", "pipeline-gae")
    )
    for name in ("train", "evaluate", "simulate", "benchmark", "study"):
        assert len(page(gae.main, name)) > 3
        assert set(page(gae.main, name)["Options"]) == {"config", "help"}
