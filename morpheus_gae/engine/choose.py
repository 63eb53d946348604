"""Which engine runs a pipeline: the embedded one, or NVIDIA Morpheus."""

from __future__ import annotations

import importlib.util

from morpheus_gae.errors import GaeError, UsageError

ENGINES = ("auto", "embedded", "morpheus")


def morpheus_installed() -> bool:
    """Whether NVIDIA Morpheus can be imported; other projects use the name ``morpheus`` too."""
    if importlib.util.find_spec("morpheus") is None:
        return False
    return all(importlib.util.find_spec(f"morpheus.{part}") is not None for part in ("pipeline", "messages"))


def choose_engine(name: str) -> str:
    """Engine for a request.

    Parameters
    ----------
    name
        ``auto``, ``embedded`` or ``morpheus``.

    Returns
    -------
    str
        ``embedded``: the adapter for NVIDIA Morpheus is not part of this version.

    Raises
    ------
    UsageError
        If there is no such engine.
    GaeError
        If NVIDIA Morpheus is asked for and cannot be had.
    """
    if name not in ENGINES:
        raise UsageError(f"unknown engine {name!r}: choose one of {', '.join(ENGINES)}")
    if name == "morpheus":
        if not morpheus_installed():
            raise GaeError("--engine morpheus: NVIDIA Morpheus is not installed here; use --engine embedded")
        raise GaeError("--engine morpheus: this version has no adapter for it; use --engine embedded")
    return "embedded"
