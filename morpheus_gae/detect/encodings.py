"""Encodings: the output formats of alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

ENCODINGS = ("plain", "ecs", "ocsf", "eve", "cef")

Encode = Callable[["pa.Table"], "pa.Table"]


def encoding(name: str) -> Encode:
    """Return the function that converts alert rows to an encoding.

    Parameters
    ----------
    name
        ``plain`` (the input's columns and those of an alert, flat), ``ecs`` (Elastic Common Schema),
        ``ocsf`` (Detection Finding), ``eve`` (Suricata's alert event) or ``cef`` (a line of text each).

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name == "plain":
        return lambda table: table
    if name == "ecs":
        from morpheus_gae.detect.ecs import ecs

        return ecs
    if name == "ocsf":
        from morpheus_gae.detect.ocsf import ocsf

        return ocsf
    if name == "eve":
        from morpheus_gae.detect.eve import eve

        return eve
    if name == "cef":
        from morpheus_gae.detect.cef import cef

        return cef
    raise UsageError(f"unknown encoding {name!r}: choose one of {', '.join(ENCODINGS)}")
