"""Lazy: names of the package that cost something to import, imported when they are asked for."""

from __future__ import annotations

from typing import Any

LAZY = {"Detector": "morpheus_gae.api.detector"}
"""Module that each name is in."""


def __getattr__(name: str) -> Any:
    """A name of ``LAZY``.

    Raises
    ------
    AttributeError
        If there is none such.
    """
    from importlib import import_module

    if name not in LAZY:
        raise AttributeError(f"module 'morpheus_gae' has no attribute {name!r}")
    from morpheus_gae.flows.compiled import keep_kernels

    keep_kernels()
    return getattr(import_module(LAZY[name]), name)
