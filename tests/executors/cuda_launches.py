"""What a window launches: Triton kernels and torch's operations. Run as a module under Triton's interpreter.

    TRITON_INTERPRET=1 python -m tests.executors.cuda_launches MODEL ...

A line of JSON for each model; allocations and views launch nothing and are not counted.
"""

from __future__ import annotations

import collections
import importlib
import json
import pkgutil
import sys
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

import morpheus_gae.executors.cuda.triton as kernels
from morpheus_gae.executors.cuda.device import upload
from morpheus_gae.executors.cuda.executor import CudaExecutor
from morpheus_gae.executors.open import open_executor
from tests.support import make_flows


class Launches(TorchDispatchMode):
    """Counts by name."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: collections.Counter[str] = collections.Counter()
        self.kernels: collections.Counter[str] = collections.Counter()
        self.inside = False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.name()
        if not (self.inside or function.is_view or "empty" in name):
            self.operations[name] += 1
        return function(*args, **(kwargs or {}))


class Counted:
    """Stands for a kernel."""

    def __init__(self, kernel: Any, name: str, launches: Launches) -> None:
        self.kernel, self.name, self.launches = kernel, name, launches

    def __getitem__(self, grid: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> None:
            self.launches.kernels[self.name] += 1
            # the interpreter computes with torch
            self.launches.inside = True
            self.kernel[grid](*args, **kwargs)
            self.launches.inside = False

        return run


def watched() -> Launches:
    """A mode that sees every launch of the package's kernels."""
    launches = Launches()
    for module in pkgutil.iter_modules(kernels.__path__):
        owner = importlib.import_module(f"{kernels.__name__}.{module.name}")
        for name, kernel in list(vars(owner).items()):
            # one that another module owns may stand here already
            if name.endswith("_kernel") and not isinstance(kernel, Counted):
                setattr(owner, name, Counted(kernel, f"{module.name}.{name}", launches))
    return launches


def main(folders: list[str]) -> None:
    """Score a window of each."""
    launches = watched()
    for folder in folders:
        executor = CudaExecutor(open_executor(folder, "torch").artifact, "cpu")
        flows = upload(make_flows(60, hosts=12, pairs=20, seed=3), "cpu")
        launches.operations.clear()
        launches.kernels.clear()
        with launches:
            executor.score_device(flows)
        operations, kernels = (sum(c.values()) for c in (launches.operations, launches.kernels))
        told = {"launches": operations + kernels, "kernels": kernels}
        print(json.dumps({**told, "each": {**launches.kernels, **launches.operations}}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
