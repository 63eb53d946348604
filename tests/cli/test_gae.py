from __future__ import annotations

import importlib.util

import pytest
from click.testing import CliRunner

import morpheus_gae
from morpheus_gae.cli.gae import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    if importlib.util.find_spec(COMMANDS[name].partition(":")[0]) is None:
        pytest.skip(f"{name} is not part of this version")
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage:" in done.output
    # marks for the formatter are not to be seen
    assert "\\b" not in done.output


def test_version() -> None:
    done = CliRunner().invoke(main, ["--version"])
    assert done.exit_code == 0
    assert morpheus_gae.__version__ in done.output


def test_unknown_command_is_a_usage_error() -> None:
    done = CliRunner().invoke(main, ["trian"])
    assert done.exit_code == 2
    assert "trian" in done.output
