"""How many CPU threads the libraries below may use."""

from __future__ import annotations

import os
import sys


def limit_threads(count: int) -> None:
    """Limit numba, OpenMP, Arrow and torch to ``count`` threads; call before they are loaded.

    Parameters
    ----------
    count
        Threads, at least 1.
    """
    # numba refuses another value once its threads run
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = str(count)
    os.environ["OMP_NUM_THREADS"] = str(count)
    os.environ["ARROW_NUM_THREADS"] = str(count)
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.set_cpu_count(count)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(count)
