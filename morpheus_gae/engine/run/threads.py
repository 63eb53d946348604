"""Threads: limits the CPU threads of libraries."""

from __future__ import annotations

import os
import sys

from morpheus_gae.graph.parallel import HELPERS


def limit_threads(count: int) -> None:
    """Limit kernels, numba, BLAS, OpenMP, Arrow and torch to ``count`` threads; call before they are loaded.

    Stages still have one thread each.

    Parameters
    ----------
    count
        Threads, at least 1.
    """
    # numba refuses changes once its threads run
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = str(count)
    # the first is read by Arrow and torch, the others by NumPy's BLAS
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    HELPERS.resize(count)
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.set_cpu_count(count)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(count)
