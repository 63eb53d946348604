"""Checkpoint: enough of a run, after each epoch, to go on after a crash and end with the same weights."""

from __future__ import annotations

import copy
import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

FOLDER = ".training"
FILE = "checkpoint.pt"


@dataclass
class State:
    """Where a run stands.

    Attributes
    ----------
    best, best_loss
        Weights of the epoch with the lowest validation loss, and that loss.
    since
        Epochs since then.
    epoch
        Epochs done.
    history
        Loss and validation loss of each.
    """

    best: dict[str, torch.Tensor]
    best_loss: float
    since: int
    epoch: int
    history: list[dict[str, float]]


def save(folder: Path, run: str, net: torch.nn.Module, optimiser: Any, schedule: Any, state: State) -> None:
    """Write the checkpoint; it appears whole or not at all."""
    path = folder / FOLDER / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "run": run,
        "net": net.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": {k: v for k, v in schedule.state_dict().items() if isinstance(v, (int, float, list))},
        "state": vars(state),
    }
    part = path.with_suffix(".part")
    torch.save(values, part)
    os.replace(part, path)


def load(folder: Path, run: str, net: torch.nn.Module, optimiser: Any, schedule: Any, state: State) -> bool:
    """Restore a run; False (and nothing touched) if there is no checkpoint of this very run."""
    path = folder / FOLDER / FILE
    if not path.is_file():
        return False
    try:
        values = torch.load(path, weights_only=True)
    except Exception as error:
        warnings.warn(f"{path} is damaged and is ignored: {error}", RuntimeWarning, stacklevel=2)
        return False
    if not isinstance(values, dict) or values.get("run") != run:
        return False
    parts = {"net": net, "optimiser": optimiser, "schedule": schedule}
    before = {name: copy.deepcopy(part.state_dict()) for name, part in parts.items()}
    try:
        found = State(**values["state"])
        if found.best.keys() not in (before["net"].keys(), {}.keys()):
            raise ValueError("weights of another module")
        for name, part in parts.items():
            part.load_state_dict(values[name])
    except Exception as error:
        for name, part in parts.items():
            part.load_state_dict(before[name])
        told = " ".join(str(error).split())
        warnings.warn(f"{path} is damaged and is ignored: {told}", RuntimeWarning, stacklevel=2)
        return False
    vars(state).update(vars(found))
    return True


def remove(folder: Path) -> None:
    """Forget the checkpoint of a finished run."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
