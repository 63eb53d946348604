"""Importing the package and its command lines loads no heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numba", "pyarrow", "sklearn", "matplotlib", "pandas", "scipy")


@pytest.mark.parametrize(
    "modules",
    [
        "morpheus_gae",
        "morpheus_gae, morpheus_gae.cli.morpheus, morpheus_gae.cli.gae, morpheus_gae.cli.model",
        "morpheus_gae.engine.run.embedded, morpheus_gae.engine.run.pipeline, morpheus_gae.detect.alerts",
    ],
)
def test_light(modules: str) -> None:
    code = f"import sys, {modules}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_help_page_is_light() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from morpheus_gae.cli.gae import main as gae\n"
        "from morpheus_gae.cli.morpheus import main as morpheus\n"
        "assert CliRunner().invoke(gae, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(morpheus, ['run', 'pipeline-gae', '--help']).exit_code == 0\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
