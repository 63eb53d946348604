"""Machine: the facts without which a figure means nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "numba", "pyarrow", "torch", "torch_geometric", "triton")
SMI = "name,driver_version,memory.total,clocks.max.sm,power.limit"


def machine() -> dict[str, Any]:
    """Processor, memory, versions, GPU, and how busy the machine is otherwise; None where unknown."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu(),
        "cpu_mhz": _number(_field("/proc/cpuinfo", "cpu MHz")),
        "cores": cores,
        "cores_of_machine": os.cpu_count(),
        "memory_bytes": memory(),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
        "morpheus_gae": version("morpheus-gae"),
        **{name: version(name) for name in LIBRARIES},
        "gpu": gpu(),
    }


def version(package: str) -> str | None:
    """Installed version, without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def memory() -> int | None:
    """Physical memory in bytes."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def gpu() -> dict[str, Any] | None:
    """The first NVIDIA GPU: name, driver, memory, clock and power limit; None if there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, f"--query-gpu={SMI}", "--format=csv,noheader,nounits", "--id=0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    cells = [cell.strip() for cell in done.stdout.strip().split(",")]
    if done.returncode != 0 or len(cells) != 5:
        return None
    mebibytes = _number(cells[2])
    return {
        "name": cells[0],
        "driver": cells[1],
        "memory_bytes": None if mebibytes is None else int(mebibytes) << 20,
        "max_clock_mhz": _number(cells[3]),
        "power_limit_watts": _number(cells[4]),
    }


def _cpu() -> str:
    return _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()


def _field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
