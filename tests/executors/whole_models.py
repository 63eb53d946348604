"""Models with every part that a preset may have, which know a small network, for checks of kernels."""

from __future__ import annotations

from pathlib import Path

from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.spec import PRESETS, enriched
from tests.model import prefix_model
from tests.model.make import edit_tensors

SPECS = {
    "default": PRESETS["default"],
    "graph": PRESETS["graph"],
    "enriched": enriched(PRESETS["default"]),
}


def whole_models(folder: Path) -> dict[str, Artifact]:
    """With random weights, to which many flows are strange; windows are of ``prefix_model.network``."""
    for name, spec in SPECS.items():
        prefix_model.model(folder / name, spec)
        edit_tensors(folder / name, _strange)
    return {name: load_artifact(folder / name) for name in SPECS}


def _strange(tensors: dict) -> dict:
    for part in ("pair", "flow", "lift", "fused"):
        tensors[f"calibration.{part}.y"] = 3 * tensors[f"calibration.{part}.y"]
    for part in ("pair", "host_out", "host_in"):
        # counts, beside which some of a window's are unusual
        tensors[f"memory.{part}"] = tensors[f"memory.{part}"].copy()
        tensors[f"memory.{part}"][::2, 0] = 1
    return tensors
