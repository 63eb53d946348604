"""Defaults: the engine and the model of a pipeline."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from morpheus_gae.errors import ArtifactError, GaeError, UsageError
from morpheus_gae.model.shipped import shipped_model

ENGINES = ("auto", "embedded", "morpheus")

DEFAULT_MODEL = Path("models") / "default"


def morpheus_installed() -> bool:
    """Whether NVIDIA Morpheus can be imported; other projects use the name ``morpheus`` too."""
    if importlib.util.find_spec("mrc") is None or importlib.util.find_spec("morpheus") is None:
        return False
    return all(importlib.util.find_spec(f"morpheus.{part}") is not None for part in ("pipeline", "messages"))


def choose_engine(name: str) -> str:
    """Choose the engine for a request.

    Parameters
    ----------
    name
        ``auto``, ``embedded`` or ``morpheus``.

    Returns
    -------
    str
        ``embedded`` or ``morpheus``; ``auto`` is Morpheus where installed.

    Raises
    ------
    UsageError
        If there is no such engine.
    GaeError
        If NVIDIA Morpheus is requested but not installed.
    """
    if name not in ENGINES:
        raise UsageError(f"unknown engine {name!r}: choose one of {', '.join(ENGINES)}")
    if name == "auto":
        return "morpheus" if morpheus_installed() else "embedded"
    if name == "morpheus" and not morpheus_installed():
        raise GaeError("--engine morpheus: NVIDIA Morpheus is not installed here; use --engine embedded")
    return name


def choose_model(given: str | None) -> str:
    """Choose the folder of the model.

    Parameters
    ----------
    given
        Requested folder; None: ``./models/default``, then the model installed with the package, or beside it
        in a checkout.

    Raises
    ------
    ArtifactError
        If none was requested and none found.
    """
    if given is not None:
        return given
    if (DEFAULT_MODEL / "config.json").is_file():
        return str(DEFAULT_MODEL)
    shipped = shipped_model()
    if shipped is not None:
        return str(shipped)
    raise ArtifactError(
        f"no model: neither ./{DEFAULT_MODEL} nor a pretrained one in the package; "
        "give --model DIR, or train one with  morpheus-gae train"
    )
