from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = (
    "from morpheus_gae import Detector",
    # a program of somebody else has numba already, with settings that it has read
    "import numba; from morpheus_gae import Detector",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_there_where_no_kernel_can_be_kept(tmp_path: Path, program: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    env = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path / "file" / "kernels"),
        "TMPDIR": str(tmp_path / "temporary"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
