from __future__ import annotations

import subprocess
import sys


def test_libraries_loaded_later_see_the_limit() -> None:
    code = (
        "from morpheus_gae.engine.threads import limit_threads\n"
        "limit_threads(1)\n"
        "import numba, pyarrow\n"
        "print(numba.get_num_threads(), pyarrow.cpu_count())\n"
        "limit_threads(2)\n"
        "print(pyarrow.cpu_count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "2"]
