"""Completion as shells ask for it: in processes of their own, through the scripts that are printed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main

PROGRAMS = {"morpheus-gae": "morpheus_gae.cli.gae", "morpheus": "morpheus_gae.cli.morpheus"}


def script(shell: str) -> str:
    done = CliRunner().invoke(main, ["completion", shell])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A path of folders where both programs lie."""
    folder = tmp_path_factory.mktemp("bin")
    for name, module in PROGRAMS.items():
        program = folder / name
        code = f"from {module} import main; main(prog_name='{name}')"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
        program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("morpheus-gae tr", {"train"}),
        ("morpheus-gae train --max", {"--max_flows"}),
        ("morpheus-gae completion ", {"bash", "zsh", "fish"}),
        ("morpheus-gae model pro", {"promote"}),
        ("morpheus run pipeline-gae --encoding e", {"ecs", "eve"}),
        ("morpheus run pipeline-gae --model m flag-anomalies --a", {"--alert_rate", "--adaptive"}),
        ("morpheus run pipeline-gae from-n", {"from-netflow"}),
    ],
)
def test_bash_completes(path: str, tmp_path: Path, line: str, expected: set[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    words = line.split(" ")
    program = words[0]
    (tmp_path / "s").write_text(script("bash"))
    # as readline calls a completion function
    asks = f"""
        complete() {{ [ "${{!#}}" = "{program}" ] && function=$4; }}
        source ./s
        COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
        $function {program} "" ""
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", asks],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "MORPHEUS_RUN_ENGINE": "embedded"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert {word for word in done.stdout.split() if word.startswith(words[-1])} == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell: str) -> None:
    text = script(shell)
    for program, variable in (("morpheus-gae", "_MORPHEUS_GAE_COMPLETE"), ("morpheus", "_MORPHEUS_COMPLETE")):
        assert program in text
        assert f"{variable}={shell}_complete" in text
    found = shutil.which(shell)
    if found is not None:
        done = subprocess.run(
            [found, "-n", "-c", text], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_what_is_no_shell() -> None:
    done = CliRunner().invoke(main, ["completion", "cmd"])
    assert done.exit_code == 2
    assert "bash" in done.output
