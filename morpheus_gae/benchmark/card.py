"""Card: whether the CUDA executor is right on this machine's GPU, and how fast, in one go.

Each step is a process of ``benchmark.card_steps``: an illegal access, which loses the device's context, or a
hang ends that step and no other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.benchmark.machine import machine
from morpheus_gae.benchmark.store import table
from morpheus_gae.benchmark.traffic import Columns, Workload
from morpheus_gae.errors import UsageError

STEPS = ("tables", "scores", "speed", "operations")
PRESETS = ("default", "graph", "published", "enriched")
SIZES = (1, 37, 1_000, 10_000, 200_000)
"""Flows of windows whose scores are compared."""
ROWS = (1, 300, 100_000, 2_500_000)
"""Flows of windows that are numbered again and again."""
TRAINED = 20_000
"""Flows that models are trained on: presets that are not shipped, and enriched ones."""


@dataclass(frozen=True)
class Card:
    """What is looked at.

    Attributes
    ----------
    device
        ``cuda``, ``cuda:1``, ...; ``cpu`` tries the steps out, under Triton's interpreter if that is on.
    folder
        Of models and of what is drawn.
    windows
        Flows of the windows that are timed.
    sizes, rows
        See ``SIZES`` and ``ROWS``.
    presets
        Whose scores are compared.
    repeats
        Times that each window is scored and numbered: all must be the same bits.
    hosts
        Hosts of a window at most.
    """

    device: str
    folder: str
    windows: tuple[int, ...] = (200_000, 2_500_000)
    sizes: tuple[int, ...] = SIZES
    rows: tuple[int, ...] = ROWS
    presets: tuple[str, ...] = PRESETS
    repeats: int = 3
    hosts: int = 20_000


@dataclass
class Checked:
    """What was found: facts of the machine, rows of each step, and what is wrong, a line each."""

    machine: dict[str, Any]
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def find_device(device: str) -> dict[str, Any]:
    """Name, memory and versions of a device.

    Raises
    ------
    UsageError
        If there is no such device.
    """
    try:
        import torch
    except ImportError:
        raise UsageError("no CUDA device: torch is not installed (pip install 'morpheus-gae[gpu]')") from None
    from morpheus_gae.executors.cuda.dispatch import has_triton, obstacle

    if device == "cpu":
        interpreted = has_triton(torch.device(device))
        kernels = "under Triton's interpreter" if interpreted else "none, torch's forms run"
        return {"name": "cpu, to try the steps out", "kernels": kernels}
    why = obstacle()
    kernels = "compiled by Triton" if why is None else f"none, torch's forms run: {why}"
    if not torch.cuda.is_available():
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
        raise UsageError(f"no CUDA device: torch {torch.__version__}, built with {built}, finds none")
    try:
        p = torch.cuda.get_device_properties(torch.device(device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UsageError(f"no CUDA device {device!r}: {str(error).splitlines()[0]}") from None
    return {
        "name": p.name, "memory_bytes": p.total_memory, "capability": f"{p.major}.{p.minor}",
        "multiprocessors": p.multi_processor_count, "cuda": torch.version.cuda, "kernels": kernels,
    }  # fmt: skip


def check(
    device: str,
    windows: Sequence[int],
    seconds: float,
    tell: Callable[[str], None],
    steps: Sequence[str] = STEPS,
    **changes: Any,
) -> Checked:
    """Look at everything.

    Parameters
    ----------
    device
        See `Card`.
    windows
        Flows of the windows that are timed.
    seconds
        In all; a step for which none are left is told as a problem.
    tell
        Is given each line when it is known.
    steps
        Which, in order.
    changes
        Other fields of `Card`.

    Raises
    ------
    UsageError
        If there is no such device.
    """
    begin = time.monotonic()
    out = Checked({**machine(), "device": find_device(device)})
    for name, value in out.machine["device"].items():
        tell(f"{name:<16} {value}")
    with tempfile.TemporaryDirectory(prefix="morpheus-gae-card-") as folder:
        card = Card(device, folder, tuple(windows), **changes)
        out.problems += _models(card, begin + seconds)
        for step in steps:
            rows, problem = _run(step, card, begin + seconds - time.monotonic())
            out.steps[step] = rows
            tell(step)
            for row in rows:
                tell(f"  {_line(row)}")
                if row.get("right") is False:
                    out.problems.append(f"{step}: {_line(row)}")
            if problem is not None:
                out.problems.append(f"{step}: {problem}")
    out.seconds = round(time.monotonic() - begin, 1)
    return out


def _line(row: dict[str, Any]) -> str:
    right = {True: "right  ", False: "WRONG  ", None: ""}[row.get("right")]
    facts = ", ".join(
        f"{name} {_text(value)}" for name, value in row.items() if name not in ("what", "right")
    )
    return f"{right}{row['what']}: {facts}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def further(drawn: Columns) -> dict[str, npt.NDArray[np.int64]]:
    """Columns that enriched models read, int64 [E] each: ports and flags by pair, packets by bytes."""
    kind = drawn.pair % 4
    packets = 1 + (drawn.attributes[:, 0] // 500).astype(np.int64)
    return {"L4_DST_PORT": kind * 1000 + 53, "IN_PKTS": packets, "TCP_FLAGS": kind * 9}


def _models(card: Card, until: float) -> list[str]:
    """Train one model of each preset; what went wrong."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    drawn = Workload("client", TRAINED, min(card.hosts, 1_000)).draw(0)
    flows = table(drawn, 0)
    for name, values in further(drawn).items():
        flows = flows.append_column(name, pa.array(values))
    path = Path(card.folder) / "flows.parquet"
    pq.write_table(flows, path)
    problems = []
    for name in card.presets:
        kind = ("default", "--features", "enriched") if name == "enriched" else (name,)
        command = ["train", "--input", str(path), "--model", str(Path(card.folder) / name)]
        why = _ended([*command, "--epochs", "2", "--preset", *kind], until)
        if why is not None:
            problems.append(f"training {name}: {why}")
    return problems


def _ended(arguments: list[str], until: float) -> str | None:
    left = until - time.monotonic()
    if left < 1:
        return "no time left"
    command = [sys.executable, "-m", "morpheus_gae.cli.gae", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)
    except subprocess.TimeoutExpired:
        return "no time left"
    return None if done.returncode == 0 else _last(done.stderr)


def _run(step: str, card: Card, left: float) -> tuple[list[dict[str, Any]], str | None]:
    """Rows of a step as far as it came, and why it came no further."""
    if left < 1:
        return [], "no time left"
    command = [sys.executable, "-m", "morpheus_gae.benchmark.card_steps", step, json.dumps(asdict(card))]
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as errors:
        try:
            code = subprocess.run(command, stdout=told, stderr=errors, check=False, timeout=left).returncode
            problem = None if code == 0 else f"ended with exit code {code}"
        except subprocess.TimeoutExpired:
            problem = "no time left"
        told.seek(0)
        errors.seek(0)
        rows = [json.loads(line) for line in told if line.startswith("{") and line.endswith("}\n")]
        return rows, problem if problem in (None, "no time left") else f"{problem}: {_last(errors.read())}"


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "nothing said why"
