"""A sound artifact of any spec in a few kilobytes, and edited ones with their hash and seal made anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.model.artifact import Artifact, digest, save_artifact, seal
from morpheus_gae.model.artifact_schema import schema
from morpheus_gae.model.enriched import COLUMNS
from morpheus_gae.model.spec import PRESETS, ModelSpec

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "U64": np.uint64, "I32": np.int32}
SPECS = {
    **PRESETS,
    "memory": ModelSpec(preset="memory", flow_types=0),
    "evidence": ModelSpec(preset="evidence", flow_types=0, evidence=True),
    "enriched": ModelSpec(preset="enriched", flow_types=5, enriched=True),
    "activity": ModelSpec(preset="activity", flow_types=0, evidence=True, activity=True),
    "lift": ModelSpec(preset="lift", flow_types=5, lift=True),
    "lifted": ModelSpec(preset="lifted", flow_types=5, enriched=True, lift=True),
    "counting": replace(PRESETS["default"], preset="counting", activity=True, partners=False),
    "meeting": replace(PRESETS["default"], preset="meeting", partners=True),
    "deep": ModelSpec(
        preset="deep", octets=True, attention=True, unet_depth=1, flow_types=5, width=12, heads=3
    ),
}
SIZES = {
    **{"hosts": 6, "pairs": 9, "prefixes": 4, "kins": 5, "quantiles": 8},
    **{f"edges{i}": 4 + i for i in range(3)},
    **{f"bins{i}": 5 + i for i in range(3)},
    **{"groups0": 2, "groups1": 3},
    **{f"knots of {part}": 7 for part in ("pair", "flow", "lift", "fused", "evidence")},
    "knots of new pairs": 7,
    **{f"edges of extra {i}": 3 for i in range(COLUMNS)},
    **{f"bins of extra {i}": 4 for i in range(COLUMNS)},
    **{f"codes of extra {i}": 3 for i in range(COLUMNS)},
}


def sound_tensors(spec: ModelSpec, seed: int = 0) -> dict[str, np.ndarray]:
    """Small tensors that make sense."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, kind in schema(spec).items():
        shape = tuple(n if isinstance(n, int) else SIZES[n] for n in kind.shape)
        out[name] = _values(name, shape, rng).astype(DTYPES[kind.dtype])
    return out


def _values(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name.endswith(("key", "salt")):
        return np.sort(rng.integers(1, 1 << 63, shape).astype(np.uint64))
    if name.startswith("prefix.") and name.endswith("seen"):
        return rng.uniform(-2.0, 0.0, shape)
    if name.endswith(".tail"):
        return np.array([1.5, 3.0])
    if name == "evidence.prior":
        return np.array([0.3, 4.0, 2.0, 200.0])
    if name == "activity.prior":
        return np.array([[1.5, 0.1, 2.0, 0.5], [2.0, 0.2, 1.0, 0.3], [1.0, 0.05, 3.0, 0.25]])
    if name == "partners.prior":
        return np.array([[1.2, 0.3, 1.0, 0.4], [1.6, 0.1, 0.5, 0.5]])
    if name == "evidence.new.y":
        return np.linspace(0.0, 3.0, *shape)
    if name == "evidence.new.x":
        return np.cumsum(rng.uniform(1.0, 3.0, shape))
    if name.startswith("extra."):
        return np.array([0, 1, 1, 2]) if ".code" in name else np.array([0, 6, 7])
    if name.endswith((".x", ".y", ".surprise")) or ".edges" in name:
        return np.cumsum(rng.uniform(0.5, 2.0, shape))
    if name == "quantiles.probability":
        return np.linspace(0.0, 0.999, *shape)
    if ".group" in name:
        return np.arange(shape[0]) * {"bins.group0": 2, "bins.group1": 3}[name] // shape[0]
    if name == "lift.share":
        share = rng.uniform(0.1, 2.0, shape)
        return share / share.sum()
    positive = rng.uniform(0.1, 2.0, shape)
    return 0.1 * positive * rng.choice([-1, 1], shape) if name.startswith("net.") else positive


def sound(folder: Path, spec: ModelSpec | None = None, **changes: Any) -> Artifact:
    """Write a sound artifact; ``changes`` are for `save_artifact`."""
    spec = spec or PRESETS["default"]
    facts: dict[str, Any] = {
        "name": "toy",
        "tensors": sound_tensors(spec),
        "thresholds": {"0.001": 7.5, "0.01": 4.5},
        "training": {"flows": 6000, "validation_flows": 2000, "trained_on": "made-up numbers"},
        "metrics": {},
        "card": "model {hash}",
    }
    return save_artifact(folder, spec=spec, **{**facts, **changes})


def edit_tensors(folder: Path, change: Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]]) -> None:
    """Change the tensors, as one who knows how hash and seal are made."""
    from safetensors.numpy import load, save

    tensors = dict(change(load((folder / "model.safetensors").read_bytes())))
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    (folder / "model.safetensors").write_bytes(save(tensors))
    config = json.loads((folder / "config.json").read_text())
    edit_config(folder, sha256=digest(tensors, ModelSpec.from_dict(config["spec"])))


def edit_config(folder: Path, **changes: Any) -> None:
    """Change members of config.json, likewise."""
    config = {**json.loads((folder / "config.json").read_text()), **changes}
    config["seal"] = seal(config)
    (folder / "config.json").write_text(json.dumps(config))
