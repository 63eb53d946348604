"""Every command of the pages is one; those of the pages to begin with are run, one after the other."""

from __future__ import annotations

import importlib.util
import itertools
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.docs.commands import EVERY, MAINS, OTHERS, ROOT, Line, lines_of, parse

FIRST_PAGES = ("index.md", "train.md", "tune.md")
SMALLER = 25
"""Flows of the pages' examples for each one here."""


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default").symlink_to(ROOT / "models" / "default")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (toml,) = re.findall(r"^```toml\n(.*?)^```$", page, re.M | re.S)
    (tmp_path / "gae.toml").write_text(toml, encoding="utf-8")


@pytest.mark.parametrize("line", EVERY, ids=lambda line: f"{line.page}: {line.text[:60]}")
def test_every_command_is_one(line: Line) -> None:
    for words in line.commands:
        if words[0] in MAINS:
            parse(words, whole="..." not in line.text)
        elif words[0] == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            for target in (word for word in words[1:] if "=" not in word):
                assert re.search(rf"^{target}:", makefile, re.M), f"there is no target {target}"
        elif words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2]) is not None
        else:
            assert words[0] in OTHERS, f"{words[0]}: say in commands.py why no test runs it"


@pytest.mark.parametrize(
    "text",
    [
        "morpheus-gae train --input a",
        "morpheus-gae trian",
        "morpheus-gae train --input a --output b --model c",
        "morpheus run pipeline-gae --graf 1",
        "morpheus run pipeline-gae from-netflow --input a build-graph --model b",
    ],
)
def test_what_is_none_is_found(text: str) -> None:
    with pytest.raises(click.UsageError):
        parse(text.split())


def test_commands_are_found() -> None:
    assert len(EVERY) > 80
    assert {"README.md", "docs/kafka.md", "docs/exporters.md"} <= {line.page for line in EVERY}
    stages = Line(
        "p", "A=1 tail -F f | morpheus run pipeline-gae from-netflow --input - build-graph > x && make test"
    )
    assert [words[0] for words in stages.commands] == ["tail", "morpheus", "make"]
    assert stages.commands[1][-1] == "build-graph"
    parse(stages.commands[1])


def test_the_first_pages_run() -> None:
    for module in ("torch", "matplotlib", "sklearn"):
        pytest.importorskip(module)
    ran = 0
    for page in FIRST_PAGES:
        for line in lines_of(ROOT / "docs" / page):
            if not all(words[0] in MAINS for words in line.commands):
                continue
            for words in line.commands:
                told = [
                    str(int(w) // SMALLER) if before == "--flows" else w
                    for before, w in itertools.pairwise(words)
                ]
                told += ["--epochs", "2"] if told[0] == "train" else []
                done = CliRunner().invoke(MAINS[words[0]], told)
                assert done.exit_code == 0, f"{page}: {line.text}\n{done.output}"
                ran += 1
    assert ran > 14
