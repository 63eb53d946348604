"""Activity's Triton kernels against their torch form: as a module, under Triton's interpreter or on a GPU.

TRITON_INTERPRET=1 python -m tests.executors.cuda_activity
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from morpheus_gae.executors.cuda import activity, dispatch
from morpheus_gae.executors.cuda.executor import CudaExecutor
from tests.executors.test_evidence import half_known, window
from tests.model.make import SPECS

NAMES = ("counting", "meeting")


def check(name: str, device: str, count: int = 900) -> np.ndarray:
    """What counts add to each flow of a window: the same by kernel and by torch."""
    with tempfile.TemporaryDirectory() as folder:
        executor = CudaExecutor(half_known(Path(folder), SPECS[name]), device)
    graph, told = window(0, count), []
    try:
        for by_kernel in (True, False):
            activity.BY_KERNEL = by_kernel
            part = executor.score(graph).activity_part
            assert part is not None
            told.append(part)
    finally:
        activity.BY_KERNEL = True
    np.testing.assert_allclose(told[0], told[1], rtol=1e-6, atol=1e-6)
    return told[0]


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert dispatch.has_triton(torch.device(device)), "this is to run under the interpreter, or on a GPU"
    counted, met = (check(name, device) for name in NAMES)
    # the models differ, and so does what they tell
    assert np.unique(counted).size > 5
    assert np.unique(met - counted).size > 3
    print("the same")
