"""Models with all parts that a preset may have, or few, which know a small network, for checks of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.spec import PRESETS, ModelSpec, enriched
from tests.model import prefix_model
from tests.model.make import edit_tensors

SPECS = {
    "default": PRESETS["default"],
    "graph": PRESETS["graph"],
    "enriched": enriched(PRESETS["default"]),
}
FEWER = {
    "bare": ModelSpec(preset="bare"),
    "evident": ModelSpec(preset="evident", evidence=True),
    "memory": ModelSpec(preset="memory", flow_types=0),
    "counting": replace(PRESETS["default"], preset="counting", lift=False, partners=False),
    "attentive": ModelSpec(preset="attentive", attention=True),
    "exported": enriched(ModelSpec(preset="exported")),
}
"""Parts came one after the other, and models without the later ones stay."""


def whole_models(folder: Path, specs: Mapping[str, ModelSpec] = SPECS) -> dict[str, Artifact]:
    """With random weights, to which many flows are strange; windows are of ``prefix_model.network``."""
    for name, spec in specs.items():
        prefix_model.model(folder / name, spec)
        edit_tensors(folder / name, _strange)
    return {name: load_artifact(folder / name) for name in specs}


def _strange(tensors: dict) -> dict:
    for name in [f"calibration.{part}.y" for part in ("pair", "flow", "lift", "fused")]:
        if name in tensors:
            tensors[name] = 3 * tensors[name]
    for part in ("pair", "host_out", "host_in"):
        # counts, beside which some of a window's are unusual
        tensors[f"memory.{part}"] = tensors[f"memory.{part}"].copy()
        tensors[f"memory.{part}"][::2, 0] = 1
    return tensors
