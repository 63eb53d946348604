"""Doctor: reports the environment of an installation, and checks that scoring works."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any

NEEDED = ("numpy", "numba", "pyarrow", "safetensors", "click", "tqdm")
EXTRAS = {
    "torch": "torch",
    "triton": "triton",
    "confluent-kafka": "confluent_kafka",
    "urllib3": "urllib3",
    "scikit-learn": "sklearn",
    "matplotlib": "matplotlib",
    "opentelemetry-sdk": "opentelemetry.sdk",
    "morpheus-core": "morpheus",
}
"""Distribution -> module."""
SELF_TEST_FLOWS = 2000


@dataclass
class Report:
    """Findings.

    Attributes
    ----------
    facts
        Section -> name -> value; plain values for JSON.
    problems
        One line per broken requirement of scoring; scoring works if empty.
    remarks
        One line per degraded feature.
    """

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def examine(model: str | None = None) -> Report:
    """Examine interpreter, libraries, processors, limits, compiled kernels and model.

    Parameters
    ----------
    model
        Folder of the artifact to test; the shipped one by default.
    """
    report = Report()
    report.facts["python"] = {
        "version": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }
    report.facts["libraries"] = _libraries(report)
    report.facts["extras"] = _extras(report)
    report.facts["processor"] = _processor()
    report.facts["limits"] = _limits()
    for section, look in (("kernels", _kernels), ("model", _model)):
        report.facts[section] = {}
        try:
            look(report, report.facts[section], model)
        except Exception as error:
            # any error belongs in the report
            report.problems.append(f"{section}: {type(error).__name__}: {error}")
    return report


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _libraries(report: Report) -> dict[str, Any]:
    found = {name: _version(name) for name in NEEDED}
    report.problems += [f"{name} is not installed" for name, version in found.items() if version is None]
    return found


def _extras(report: Report) -> dict[str, Any]:
    def there(module: str) -> bool:
        try:
            return util.find_spec(module) is not None
        except ModuleNotFoundError:
            return False

    found: dict[str, Any] = {
        name: (_version(name) or "installed") if there(module) else "not installed"
        for name, module in EXTRAS.items()
    }
    found["CUDA device"] = _cuda(report) if there("torch") else "not looked for (needs torch)"
    return found


def _cuda(report: Report) -> str:
    try:
        import torch

        if not torch.cuda.is_available():
            return "none"
        from morpheus_gae.executors.cuda.dispatch import obstacle

        if (reason := obstacle()) is not None:
            report.remarks.append(f"{reason}: on the GPU torch's own functions run, which are slower")
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    except Exception as error:
        return f"torch does not load: {error}"


def _processor() -> dict[str, Any]:
    from morpheus_gae.graph.parallel import HELPERS, processors

    found: dict[str, Any] = {
        "model": _first_line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "processors": os.cpu_count(),
        "usable": processors(),
        "kernel threads": HELPERS.threads,
    }
    quota = _read("/sys/fs/cgroup/cpu.max")
    if quota and not quota.startswith("max"):
        share, period = (float(v) for v in quota.split()[:2])
        found["control group"] = f"{share / period:g} processors"
    return found


def _limits() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, key in (("memory", "MemTotal"), ("memory available", "MemAvailable")):
        line = _first_line("/proc/meminfo", key)
        if line:
            found[name] = f"{int(line.split()[0]) / 2**20:.1f} GiB"
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = _read(path)
        # without a limit version 2 says max, version 1 a number near 2**63
        if text and text.isdigit() and int(text) < 1 << 60:
            found["memory of the control group"] = f"{int(text) / 2**30:.1f} GiB"
    try:
        import resource
    except ImportError:
        return found
    for name in (
        "RLIMIT_AS",
        "RLIMIT_DATA",
        "RLIMIT_NOFILE",
        "RLIMIT_NPROC",
        "RLIMIT_MEMLOCK",
        "RLIMIT_STACK",
    ):
        if hasattr(resource, name):
            soft, hard = resource.getrlimit(getattr(resource, name))
            found[name] = [None if v == resource.RLIM_INFINITY else v for v in (soft, hard)]
    return found


def _kernels(report: Report, found: dict[str, Any], model: str | None) -> None:
    """Warm up as a pipeline does; report the time and what had to be compiled."""
    import llvmlite.binding as llvm
    import numba

    from morpheus_gae.engine.run.defaults import choose_model
    from morpheus_gae.engine.run.warm_up import warm_up
    from morpheus_gae.executors.open import open_executor

    found["compiled for"] = llvm.get_host_cpu_name()
    found["numba threading layer"] = (
        f"{numba.config.THREADING_LAYER} (not used: kernels have their own threads)"
    )
    executor = open_executor(choose_model(model))
    start = time.perf_counter()
    warm_up(executor)
    found["warm-up seconds"] = round(time.perf_counter() - start, 3)
    dispatchers = _dispatchers()
    found["loaded from the cache"] = sum(sum(d.stats.cache_hits.values()) for d in dispatchers)
    found["compiled now"] = sum(sum(d.stats.cache_misses.values()) for d in dispatchers)
    found["cache warm"] = found["compiled now"] == 0
    folders = sorted({str(d.stats.cache_path) for d in dispatchers if d.stats.cache_path})
    found["cache"] = folders
    found["cache writable"] = all(os.access(folder, os.W_OK) for folder in folders if Path(folder).is_dir())
    if not found["cache writable"]:
        report.remarks.append(
            "the kernels' cache cannot be written to, so every start compiles them: "
            "set NUMBA_CACHE_DIR to a folder that can"
        )


def _dispatchers() -> list[Any]:
    """Return all loaded compiled functions of this project."""
    from numba.core.dispatcher import Dispatcher

    found: dict[int, Any] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("morpheus_gae."):
            for value in vars(module).values():
                if isinstance(value, Dispatcher):
                    found[id(value)] = value
    return list(found.values())


def _model(report: Report, found: dict[str, Any], model: str | None) -> None:
    """Score synthetic flows twice: scores must be probabilities and identical."""
    import numpy as np

    from morpheus_gae.engine.run.defaults import choose_model
    from morpheus_gae.executors.open import open_executor
    from morpheus_gae.graph.build import build_graph_arrays

    executor = open_executor(choose_model(model))
    artifact = executor.artifact
    found["model"] = f"{artifact.name}@{artifact.hash}"
    found["folder"] = str(artifact.path)
    rng = np.random.default_rng(0)
    n, spec = SELF_TEST_FLOWS, artifact.spec
    hi = np.zeros(n, np.uint64)
    src, dst = (rng.integers(0, 200, n).astype(np.uint64) + np.uint64(0xFFFF_0A00_0001) for _ in range(2))
    attributes = np.floor(rng.lognormal(5, 2, (n, 3))).astype(np.float32)
    graph = build_graph_arrays(
        hi, src, hi, dst, attributes, np.zeros(n, np.bool_),
        octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps,
    )  # fmt: skip
    start = time.perf_counter()
    scores = executor.score(graph)
    found["self-test seconds"] = round(time.perf_counter() - start, 4)
    again = executor.score(graph)
    checks: dict[str, Callable[[], bool]] = {
        "one score for each flow": lambda: scores.score.shape == (n,),
        "scores are probabilities": lambda: bool(((scores.score >= 0) & (scores.score <= 1)).all()),
        "surprises are finite": lambda: bool(np.isfinite(scores.surprise).all()),
        "flows differ": lambda: np.unique(scores.surprise).size > n // 10,
        "the same bits again": lambda: scores.surprise.tobytes() == again.surprise.tobytes(),
    }
    for name, check in checks.items():
        found[name] = check()
        if not found[name]:
            report.problems.append(f"model: self-test failed: {name}")


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _first_line(path: str, key: str) -> str | None:
    """Return the value after ``key:`` in a file of the kernel."""
    for line in (_read(path) or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None
