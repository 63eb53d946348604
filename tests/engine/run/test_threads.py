from __future__ import annotations

import subprocess
import sys

import pyarrow as pa

from morpheus_gae.engine.run.threads import limit_threads
from morpheus_gae.graph.parallel import HELPERS


def test_libraries_loaded_later_see_the_limit() -> None:
    code = (
        "from morpheus_gae.engine.run.threads import limit_threads\n"
        "limit_threads(1)\n"
        "import numba, pyarrow\n"
        "print(numba.get_num_threads(), pyarrow.cpu_count())\n"
        "limit_threads(2)\n"
        "print(pyarrow.cpu_count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "2"]


def test_kernels_see_the_limit(monkeypatch) -> None:
    monkeypatch.setattr(HELPERS, "threads", HELPERS.threads)
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    before = pa.cpu_count()
    try:
        limit_threads(3)
        assert HELPERS.threads == 3
    finally:
        limit_threads(before)
