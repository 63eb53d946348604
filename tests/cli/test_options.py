from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from morpheus_gae.cli import options
from morpheus_gae.cli.gae import main
from morpheus_gae.cli.options import Command, Group, a_day, executor_name, json_option, rate
from morpheus_gae.errors import ArtifactError, GaeError, MissingExtraError, UsageError


@click.command(cls=Command)
@click.option("--graph_size", type=int, default=1)
@click.option("--kind", type=click.Choice(["a", "b"]), default="a")
@json_option("--metrics")
def echo(graph_size: int, kind: str, json_file: str | None) -> None:
    """Say what was given."""
    click.echo(f"{graph_size} {kind} {json_file}")


@pytest.mark.parametrize("name", ["--graph_size", "--graph-size"])
def test_dashes_and_underscores(name: str) -> None:
    for args in ([name, "7"], [f"{name}=7"]):
        assert CliRunner().invoke(echo, args).output == "7 a None\n"


@pytest.mark.parametrize("name", ["--json", "--metrics"])
def test_json_has_a_second_name(name: str) -> None:
    assert CliRunner().invoke(echo, [name, "f-1_2.json"]).output == "1 a f-1_2.json\n"


def test_help_is_written_with_underscores() -> None:
    output = CliRunner().invoke(echo, ["-h"]).output
    assert "--graph_size" in output
    assert "--graph-size" not in output


def test_unknown_option_is_a_usage_error() -> None:
    done = CliRunner().invoke(echo, ["--graph_sise", "1"])
    assert done.exit_code == 2
    assert "No such option" in done.output


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("wrong option"), 2, "Error: wrong option"),
        (GaeError("no luck"), 1, "Error: no luck"),
        (ArtifactError("damaged"), 1, "Error: damaged"),
        (MissingExtraError("torch", "train", "training"), 1, "Error: training needs torch"),
        (PermissionError(13, "Permission denied", "x/y"), 1, "Error: x/y: Permission denied"),
        (OSError(28, "No space left on device"), 1, "Error: No space left on device"),
        (KeyboardInterrupt(), 130, "Aborted!"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_expected_errors_are_one_line_and_a_code(
    error: BaseException, code: int, line: str, nested: bool
) -> None:
    @click.command(cls=Command)
    def fail() -> None:
        raise error

    target: click.Command = fail
    if nested:
        target = Group("outer")
        target.add_command(fail)
    done = CliRunner().invoke(target, ["fail"] if nested else [])
    assert done.exit_code == code
    assert done.output.startswith(line)
    assert done.output.count("\n") == 1


def test_a_bug_is_not_hidden() -> None:
    @click.command(cls=Command)
    def fail() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(fail, []).exception, ZeroDivisionError)


@pytest.mark.parametrize(("text", "value"), [("0.001", 0.001), ("0.1%", 0.001), (" 100 % ", 1.0), ("1", 1.0)])
def test_rate(text: str, value: float) -> None:
    assert rate(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "%", "x", "0", "-1%", "101%", "nan", "inf"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a rate"):
        rate(text)


@pytest.mark.parametrize("text", ["5", "5.0", "5/day", " 5 / day", "5/d"])
def test_so_many_a_day(text: str) -> None:
    assert a_day(text) == 5.0


@pytest.mark.parametrize("text", ["", "0", "-5/day", "5/hour", "/day", "day", "inf", "nan/day", "5 day/day"])
def test_what_is_no_number_a_day(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a number a day"):
        a_day(text)


def test_lazy_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group("g", lazy={"one-two": "toy_commands:echo", "gone": "toy_gone:x"})
    runner = CliRunner()
    assert runner.invoke(group, ["gone"]).exit_code == 2
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = ModuleType("toy_commands")
    module.echo = echo  # type: ignore[attr-defined]
    module.__spec__ = __spec__
    monkeypatch.setitem(sys.modules, "toy_commands", module)
    for name in ("one-two", "one_two"):
        assert runner.invoke(group, [name, "--graph-size", "3"]).output == "3 a None\n"
    listed = runner.invoke(group, ["--help"]).output
    assert "Say what was given" in listed
    assert "gone" not in listed


@pytest.mark.parametrize("text", ["cpu", "torch", "cuda", "cuda:1"])
def test_executor_name(text: str) -> None:
    assert executor_name(text) == text


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "cuda:99999999999999999999", "cpu:1", ""])
def test_what_is_no_executor(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not an executor: choose cpu"):
        executor_name(text)


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\r.csv"


def acts(text: str) -> list[str]:
    return re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_nothing_prints_without_looking_at_what_it_prints() -> None:
    package = Path(options.__file__).parents[1]
    raw = re.compile(r"click\.s?echo\(|\bprint\(|std(out|err)\.write\(")
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in sorted(package.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if raw.search(line)
    ]
    # what a worker says comes to its parent, which tells it as an error or reads it as JSON
    workers = ("flows/packets/worker.py: ", "benchmark/card_steps.py: ")
    told = [line for line in found if not line.startswith(workers)]
    # a page for a browser, made of harmless text
    told.remove("report/write.py: sys.stdout.write(text)")
    assert told == ["cli/options.py: click.echo(printable(text, lines=True), err=err)"]


@pytest.mark.parametrize(
    "error",
    [GaeError(HOSTILE), UsageError(f"{HOSTILE}\nmore"), FileNotFoundError(2, "No such file", HOSTILE)],
)
def test_errors_do_not_act_on_a_terminal(error: Exception) -> None:
    @click.command(cls=Command)
    def fails() -> None:
        raise error

    done = CliRunner().invoke(fails, [])
    assert done.output.startswith(r"Error: \x1b]0;owned\x07\x9b31m\u202e\r.csv")
    assert done.output.count("\n") == 1
    assert not acts(done.output)


@pytest.mark.parametrize(
    "args", [[f"a{HOSTILE}"], [f"--{HOSTILE}"], ["--kind", HOSTILE], ["--graph_size", HOSTILE]]
)
def test_nor_do_wrong_options(args: list[str]) -> None:
    done = CliRunner().invoke(echo, args)
    assert done.exit_code == 2
    assert "owned" in done.output
    assert not acts(done.output)
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 2
    assert not acts(done.output)


def test_nor_does_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    options.echo(f"a\n{HOSTILE}\udcff")
    options.echo(HOSTILE, err=True)
    out, err = capsys.readouterr()
    assert out == "a\n" + r"\x1b]0;owned\x07\x9b31m\u202e\r.csv\xff" + "\n"
    assert not acts(err)
