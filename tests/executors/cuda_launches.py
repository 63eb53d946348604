"""What a window launches: Triton kernels and torch's operations. Run as a module under Triton's interpreter.

    TRITON_INTERPRET=1 python -m tests.executors.cuda_launches MODEL ...

A line of JSON for each model; allocations and views launch nothing and are not counted. ``anew`` are kernels
that a GPU would compile in mid-stream: launched in another form than those of the warm-up, as Triton tells
forms apart, by types, by whether an array begins at a multiple of 16 bytes, and by numbers that are 1 or a
multiple of 16.
"""

from __future__ import annotations

import collections
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

import morpheus_gae.executors.cuda.triton as kernels
from morpheus_gae.engine.run import warm_up as warm_up_module
from morpheus_gae.executors.cuda.device import DeviceFlows, upload
from morpheus_gae.executors.cuda.executor import CudaExecutor
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.frame import Flows
from morpheus_gae.graph.build import build_graph
from tests.support import make_flows, with_columns


class Launches(TorchDispatchMode):
    """Counts by name."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: collections.Counter[str] = collections.Counter()
        self.kernels: collections.Counter[str] = collections.Counter()
        self.inside = False
        self.forms: set[tuple[object, ...]] = set()

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
            self.launches.forms.add((self.name, *self.form(args, kwargs)))
            # the interpreter computes with torch
            self.launches.inside = True
            self.kernel[grid](*args, **kwargs)
            self.launches.inside = False

        return run

    def form(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[object]:
        """What a kernel is compiled for."""
        names, any_value = self.kernel.arg_names, self.kernel.kwargs["do_not_specialize"] or ()
        constants = inspect.signature(self.kernel.fn).parameters
        for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
            if name not in constants or "constexpr" in str(constants[name].annotation):
                yield name, value
            elif isinstance(value, torch.Tensor):
                yield name, str(value.dtype), name in any_value or value.data_ptr() % 16 == 0
            elif isinstance(value, int):
                yield name, value.bit_length() > 31, name in any_value or (value == 1, value % 16 == 0)
            else:
                yield name, type(value).__name__


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
    """Score a window of each; then warm up, and score others."""
    launches = watched()
    # nothing is sorted in another way here
    warm_up_module.LARGE = 64
    for folder in folders:
        executor = CudaExecutor(open_executor(folder, "torch").artifact, "cpu")
        enriched = executor.artifact.spec.enriched
        flows = window(60, 3)
        launches.operations.clear()
        launches.kernels.clear()
        on_device = upload(flows, "cpu", enriched)
        with launches:
            executor.score_device(on_device)
        operations, kernels = (sum(c.values()) for c in (launches.operations, launches.kernels))
        each = {**launches.kernels, **launches.operations}
        told = {"launches": operations + kernels, "kernels": kernels, "anew": anew(executor, launches)}
        print(json.dumps({**told, "each": each}))


def anew(executor: CudaExecutor, launches: Launches) -> list[str]:
    """Names of kernels in forms that the warm-up did not launch; none of presets with sweeps, of which the
    interpreter would do hundreds."""
    spec = executor.artifact.spec
    if spec.octets:
        return []
    launches.forms.clear()
    warm_up_module.warm_up(executor)
    warm = set(launches.forms)
    for n in (1, 49):
        columns = vars(upload(window(n, n), "cpu", spec.enriched))
        # slices begin anywhere
        cut = {name: None if c is None else c[n // 3 :] for name, c in columns.items()}
        executor.score_device(DeviceFlows(**cut))
    executor.score(build_graph(window(33, 4), enriched=spec.enriched))
    return sorted({str(form[0]) for form in launches.forms - warm})


def window(flows: int, seed: int) -> Flows:
    """Flows with further columns."""
    return with_columns(make_flows(flows, hosts=12, pairs=20, seed=seed), seed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
