"""Options from a file: every one of both command lines, behind the environment and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

import morpheus_gae.executors.open
from morpheus_gae.cli import gae, morpheus
from morpheus_gae.cli.config import config_path, default_map
from morpheus_gae.cli.morpheus import engine_told
from morpheus_gae.errors import UsageError
from tests.cli.test_morpheus import csv_of
from tests.cli.toy_morpheus import open_toy

MAINS = {"morpheus": morpheus.main, "morpheus-gae": gae.main}


def file_of(folder: Path, text: str) -> str:
    path = folder / "o.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def asked(main: click.Command, *args: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(main, args, **kwargs)


def options(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    """Every option of a command line, with the table that it stands in."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.expose_value:
            yield path, parameter
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from options(below, (*path, name))


EVERY = [(main, *found) for main, command in MAINS.items() for found in options(command)]


def sample(option: click.Option) -> Any:
    """A value that the option takes, other than its default."""
    if option.is_flag:
        return True
    if isinstance(option.type, click.Choice):
        return str(option.type.choices[-1])
    if isinstance(option.type, click.types.IntParamType):
        return 7
    if isinstance(option.type, click.types.FloatParamType):
        return 0.75
    name = str(option.name)
    values = {
        "alert_rate": 0.02,
        "contamination": "1%",
        "incident_budget": "5/day",
        "executor": "torch",
        "preset": "zeek",
    }
    return values.get(name, f"{name}-told")


@pytest.mark.parametrize(("main", "path", "option"), EVERY, ids=lambda v: getattr(v, "name", None) or str(v))
def test_every_option_can_be_told(
    tmp_path: Path, main: str, path: tuple[str, ...], option: click.Option
) -> None:
    word = option.opts[-1].removeprefix("--")
    value = sample(option)
    for spelling in (word, word.replace("_", "-")):
        told = default_map(
            file_of(tmp_path, f"[{'.'.join(path)}]\n{spelling} = {json.dumps(value)}"), MAINS[main]
        )
        for name in path:
            told = told[name]
        expected = str(value) if isinstance(option.type, click.types.FuncParamType) else value
        assert told == {option.name: [expected] if option.multiple else expected}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(morpheus_gae.executors.open, "open_executor", open_toy)
    monkeypatch.chdir(tmp_path)
    Path("flows.csv").write_text(csv_of([3, 9, 0, 8, 1, 7, 2]))


PIPELINE = """
[run]
pipeline_batch_size = 3
[run.pipeline-gae]
model = "toy"
input = "flows.csv"
output = "a.jsonl"
threshold = 0.999
"""


def notes(path: str) -> list[str]:
    return [json.loads(line)["note"] for line in Path(path).read_text().splitlines()]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_pipeline_from_a_file_alone(tmp_path: Path, place: int) -> None:
    words = ["run", "pipeline-gae"]
    words[place:place] = ["--config", file_of(tmp_path, PIPELINE)]
    done = asked(morpheus.main, *words)
    assert done.exit_code == 0, done.output
    assert notes("a.jsonl") == ["row 1", "row 3", "row 5"]


@pytest.mark.usefixtures("toy")
def test_command_line_before_environment_before_file(tmp_path: Path) -> None:
    file = file_of(tmp_path, PIPELINE)
    env = {"MORPHEUS_CONFIG": file, "MORPHEUS_RUN_PIPELINE_GAE_OUTPUT": "b.jsonl"}
    assert asked(morpheus.main, "run", "pipeline-gae", env=env).exit_code == 0
    assert asked(morpheus.main, "run", "pipeline-gae", "--output", "c.jsonl", env=env).exit_code == 0
    assert notes("b.jsonl") == notes("c.jsonl") == ["row 1", "row 3", "row 5"]
    assert not Path("a.jsonl").exists()


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("spelling", ["flag-anomalies", "flag_anomalies"])
def test_stages_have_tables(tmp_path: Path, spelling: str) -> None:
    text = (
        PIPELINE.replace("threshold = 0.999", "threshold = 0")
        + f"""
        [run.pipeline_gae.{spelling}]
        threshold = 0.999
        [run.pipeline_gae.to-alerts]
        output = "b.jsonl"
    """.replace("run.pipeline_gae", "run.pipeline-gae")
    )
    stages = ["from-netflow", "build_graph", "infer-gae", "flag_anomalies", "to-alerts"]
    done = asked(morpheus.main, "run", "pipeline-gae", "--config", file_of(tmp_path, text), *stages)
    assert done.exit_code == 0, done.output
    assert notes("b.jsonl") == ["row 1", "row 3", "row 5"]
    done = asked(morpheus.main, "run", "pipeline-gae", "--config", file_of(tmp_path, text))
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "[run.pipeline-gae.flag-anomalies] is of a stage" in done.output


def test_a_required_option_and_one_that_is_repeated(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, '[simulate]\noutput = "flows.csv"\nflows = 300\n[inspect]\nmap = ["A=b", "C=d"]\n'
    )
    ctx = gae.main.make_context("morpheus-gae", ["--config", file, "simulate"])
    command = gae.main.get_command(ctx, "simulate")
    assert command is not None
    told = command.make_context("simulate", [], parent=ctx).params
    assert (told["output"], told["flows"], told["seed"]) == ("flows.csv", 300, 0)
    command = gae.main.get_command(ctx, "inspect")
    assert command is not None
    assert command.make_context("inspect", ["f"], parent=ctx).params["map"] == ("A=b", "C=d")


def test_one_file_serves_both_command_lines(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, '[train]\nseed = 3\n[run.pipeline-gae]\nmodel = "m"\n[model.compare]\nexecutor = "cpu"'
    )
    assert asked(gae.main, "--config", file, "doctor", "--help").exit_code == 0
    assert asked(morpheus.main, "--config", file, "run", "pipeline-gae", "--help").exit_code == 0
    wrong = file_of(tmp_path, "[train]\nseed = -3")
    done = asked(morpheus.main, "--config", wrong, "run", "pipeline-gae")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "train.seed: -3 is not in the range" in done.output


GAE = "run.pipeline-gae"
NONE = "there is no such option"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[run.pipeline-gae]\ngraf_size = 1", f"{GAE}.graf_size: {NONE} or command; is it graph_size?"),
        ("[trian]\nseed = 1", f"trian: {NONE} or command"),
        ("[train]\nsed = 1", f"train.sed: {NONE}; is it seed?"),
        ("[train]\npassword = 'hunter2'", f"train.password: {NONE}"),
        ("train = 1", "train: this is a command: its options belong below [train]"),
        ("[train]\nseed = 'a'", "train.seed: takes a whole number, not text"),
        ("[train]\nseed = true", "train.seed: takes a whole number, not true or false"),
        ("[train]\nseed = 1.5", "train.seed: takes a whole number, not a number"),
        ("[train]\nmodel = 1979-05-27", "train.model: takes text, not a date"),
        ("[train]\nmodel = ['a']", "train.model: takes text, not a list"),
        ("[train]\ninput = ['a', 1]", "train.input[1]: takes text or a list of such, not a number"),
        ("[train.model]\na = 1", "train.model: takes text, not a table"),
        ("[train]\nno_resume = 1", "train.no_resume: takes true or false, not a number"),
        ("[train]\ncontamination = true", "train.contamination: takes text or a number, not"),
        ("[train]\ncontamination = '60%'", "train.contamination: '60%': less than half"),
        ("[train]\nmax_flows = 0", "train.max_flows: 0 is not in the range x>=1."),
        ("[train]\nmax_flows = 1\nmax-flows = 2", "train.max-flows: the same option is told twice"),
        ("[run.pipeline-gae]\nencoding = 'xml'", f"{GAE}.encoding: 'xml' is not one of"),
        ("[run.pipeline-gae]\nconfig = 'x'", f"{GAE}.config: {NONE}"),
        ("[run.pipeline-gae]\ninput = 'kafka://me:hunter2@h/t'", f"{GAE}.input: holds a user or a password"),
        ("[run.pipeline-gae]\ninput = ['a', 'x+y://hunter2@h']", f"{GAE}.input[1]: holds a user"),
        ('[run.pipeline-gae]\noutput = "a\\u0000.jsonl"', f"{GAE}.output: holds a NUL"),
        ("[train\nseed = 1", "is no TOML: "),
        ("a = " + "[" * 5000, "is "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    file = file_of(tmp_path, text)
    for main, word in ((gae.main, "doctor"), (morpheus.main, "run")):
        done = asked(main, "--config", file, word)
        assert done.exit_code == 2
        assert done.output.startswith(f"Error: --config {file}: {line}"), done.output
        assert done.output.count("\n") == 1
        assert "hunter2" not in done.output


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"#" * ((1 << 20) + 1))
    for name, words in (
        ("binary", "is no text"),
        ("large", "more than"),
        ("gone", "No such file"),
        (".", ""),
    ):
        done = asked(gae.main, "--config", str(tmp_path / name), "doctor")
        assert (done.exit_code, done.output.count("\n")) == (2, 1)
        assert words in done.output


def test_one_file_only(tmp_path: Path) -> None:
    file = file_of(tmp_path, "")
    done = asked(gae.main, "--config", file, "doctor", f"--config={file}")
    assert done.exit_code == 2
    assert "--config is given 2 times" in done.output
    assert config_path(["--", "--config", "x"], "NOBODY") is None


def test_the_engine_may_stand_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MORPHEUS_RUN_ENGINE", raising=False)
    file = file_of(tmp_path, '[run]\nengine = "embedded"')
    words = ["run", "pipeline-gae", "--config", file]
    assert engine_told(words) == "embedded"
    assert engine_told(["run", "--engine", "morpheus", *words[1:]]) == "morpheus"
    assert engine_told(["run", "--config", file_of(tmp_path, "run = 1")]) == "auto"
    assert engine_told(["run", "--config", str(tmp_path / "gone")]) == "auto"
    monkeypatch.setenv("MORPHEUS_RUN_ENGINE", "morpheus")
    assert engine_told(words) == "morpheus"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
NAMES = st.sampled_from([word for _, _, o in EVERY for word in (str(o.name), o.opts[-1][2:])]) | st.text(
    max_size=6
)


@settings(max_examples=50)
@given(st.sampled_from(EVERY), NAMES, VALUES)
def test_anything_is_taken_or_refused(
    found: tuple[str, tuple[str, ...], click.Option], name: str, value: Any
) -> None:
    main, path, _ = found
    tables: dict[str, Any] = {name: value}
    for word in reversed(path):
        tables = {word: tables}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("morpheus_gae.cli.config.read_config", lambda path: tables)
        with suppress(UsageError):
            default_map("f", MAINS[main])
