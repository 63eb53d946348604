"""Folder: reads and writes detectors as model folders with their parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from morpheus_gae.errors import ArtifactError, OutputError, UsageError
from morpheus_gae.model.artifact import Artifact, load_artifact, save_artifact, write_whole

PARAMS = "detector.json"
"""File with the parameters; a model that ``morpheus-gae train`` wrote has none."""


@dataclass(frozen=True)
class Held:
    """All of a model folder.

    Attributes
    ----------
    artifact
        The model.
    metrics, card
        What ``metrics.json`` and ``README.md`` say.
    params
        Parameters of the detector that wrote it.
    """

    artifact: Artifact
    metrics: dict[str, Any]
    card: str
    params: dict[str, Any] = field(default_factory=dict)


def read(folder: str | Path) -> Held:
    """Read a model folder.

    Raises
    ------
    ArtifactError
        If it is not a sound model.
    """
    path = Path(folder)
    artifact = load_artifact(path)
    try:
        card = _text(path / "README.md", "")
        metrics = json.loads(_text(path / "metrics.json", "{}"))
        params = json.loads(_text(path / PARAMS, "{}"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{folder} cannot be read: {error}") from None
    except RecursionError:
        raise ArtifactError(f"{folder} cannot be read: metrics.json or {PARAMS} nests too deeply") from None
    if not isinstance(metrics, dict) or not isinstance(params, dict):
        raise ArtifactError(f"{folder} cannot be read: metrics.json and {PARAMS} hold no objects")
    return Held(artifact, metrics, card, params)


def write(folder: str | Path, held: Held, params: dict[str, Any]) -> None:
    """Write a model folder; each file appears whole or not at all.

    Raises
    ------
    UsageError
        If a parameter is no value of JSON.
    OutputError
        If a file cannot be written.
    """
    artifact = held.artifact
    try:
        told = json.dumps(params, indent=2, sort_keys=True)
    except TypeError as error:
        raise UsageError(f"a parameter cannot be saved: {error}") from None
    try:
        save_artifact(
            folder,
            name=artifact.name,
            spec=artifact.spec,
            tensors=artifact.tensors,
            thresholds=artifact.config["thresholds"],
            training=artifact.config["training"],
            metrics=held.metrics,
            card=held.card,
        )
        write_whole(Path(folder) / PARAMS, f"{told}\n".encode())
    except OSError as error:
        raise OutputError(f"cannot write {error.filename or folder}: {error.strerror}") from None


def _text(path: Path, otherwise: str) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else otherwise
