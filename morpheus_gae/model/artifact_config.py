"""``config.json`` of an artifact: read with bounds, every fact checked before something relies on it."""

from __future__ import annotations

import itertools
import re
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from morpheus_gae.errors import ArtifactError
from morpheus_gae.model.names import name_flaw
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.model.strict_json import loads

MOST_BYTES = 1 << 18
MOST_SURPRISE = 1e9
"""Nats."""
_BUDGET = re.compile(r"0?\.[0-9]{1,15}|[1-9](\.[0-9]{1,15})?e-[0-9]{1,2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COUNTS = ("flows", "validation_flows", "hosts", "pairs", "epochs")


def read_config(path: Path, version: int) -> dict[str, Any]:
    """What ``config.json`` says, with the members and types that it must have.

    Parameters
    ----------
    path
        File.
    version
        Format that this program reads.

    Raises
    ------
    ArtifactError
        If the format is another version's, something is missing, or makes no sense.
    ValueError, OSError
        If it is no JSON, or cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path.name} has more than {MOST_BYTES:,} bytes")
    config = loads(data)
    if not isinstance(config, dict) or type(config.get("format")) is not int or config["format"] != version:
        found = config.get("format") if isinstance(config, dict) else type(config).__name__
        raise ArtifactError(f"{path} has format {reprlib.repr(found)}, this program reads {version}")
    missing = sorted({"name", "sha256", "spec", "thresholds", "training"} - set(config))
    if missing:
        raise ArtifactError(f"{path} lacks {missing}; it has {reprlib.repr(sorted(config))}")
    if "seal" not in config:
        raise ArtifactError(
            f"{path} has no seal: its thresholds may have been edited; train the model again, or take the "
            "folder as it was written"
        )
    wrong = next(_flaws(config), None)
    if wrong is not None:
        raise ArtifactError(f"{path} is damaged or was edited: {wrong}")
    return config


def read_spec(path: Path, config: dict[str, Any]) -> ModelSpec:
    """The spec.

    Raises
    ------
    ArtifactError
        If it is another version's or makes no sense.
    """
    try:
        return ModelSpec.from_dict(config["spec"])
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None


def _flaws(config: dict[str, Any]) -> Iterator[str]:
    for text in _texts(config):
        # what is told to a terminal: no escapes, nothing that turns the direction of writing
        if not text.isprintable():
            yield f"{reprlib.repr(text.encode('ascii', 'backslashreplace').decode())} cannot be printed"
    flaw = name_flaw(config["name"])
    if flaw is not None:
        yield f"its name {flaw}"
    for name in ("sha256", "seal"):
        if not isinstance(config[name], str) or not _DIGEST.fullmatch(config[name]):
            yield f"{name} must be 64 hex digits"
    if not isinstance(config["spec"], dict):
        yield "spec must be an object"
    yield from _threshold_flaws(config["thresholds"])
    yield from _training_flaws(config["training"])


def _texts(value: Any) -> Iterator[str]:
    """Every name and text; `strict_json` has bounded the depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _threshold_flaws(limits: Any) -> Iterator[str]:
    if not isinstance(limits, dict):
        yield "thresholds must be an object"
        return
    for budget, limit in limits.items():
        if not _BUDGET.fullmatch(budget) or not 0 < float(budget) < 1:
            yield f"thresholds are for shares between 0 and 1, not for {reprlib.repr(budget)}"
        elif not _number(limit) or not 0 <= limit <= MOST_SURPRISE:
            yield f"thresholds must be numbers from 0 to {MOST_SURPRISE:g}"
    ordered = sorted((float(b), v) for b, v in limits.items() if _BUDGET.fullmatch(b) and _number(v))
    for (small, high), (large, low) in itertools.pairwise(ordered):
        if small == large:
            yield f"thresholds has {small:g} twice"
        elif high < low:
            yield f"thresholds: {small:g} must not have a lower one than {large:g}"


def _training_flaws(facts: Any) -> Iterator[str]:
    if not isinstance(facts, dict):
        yield "training must be an object"
        return
    for name in _COUNTS:
        value = facts.get(name, 0 if name != "validation_flows" else None)
        if type(value) is not int or not 0 <= value < 1 << 63:
            yield f"training must have {name} as a count"
    if not _number(facts.get("seconds", 0)) or facts.get("seconds", 0) < 0:
        yield "training must have seconds as a number"
    share = facts.get("duration_missing", 0)
    if not _number(share) or not 0 <= share <= 1:
        yield "training must have duration_missing as a share"
    if not isinstance(facts.get("options", {}), dict):
        yield "training must have options as an object"
    if not isinstance(facts.get("trained_on", ""), str):
        yield "training must have trained_on as text"


def _number(value: Any) -> bool:
    return type(value) in (int, float)
