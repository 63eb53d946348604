"""Encodings: the output formats of incidents, like those of alerts (``detect.encodings``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.errors import UsageError
from morpheus_gae.incidents import records
from morpheus_gae.incidents.fold import Change
from morpheus_gae.incidents.told import Told

I64 = npt.NDArray[np.int64]

INCIDENT_ENCODINGS = ("plain", "ecs", "ocsf", "eve")


def encode(changes: Sequence[Change], model: str, encoding: str) -> pa.Table:
    """Convert incidents to rows of an encoding.

    Parameters
    ----------
    changes
        N incidents, see ``incidents.fold.Fold``.
    model
        ``name@hash``.
    encoding
        ``plain`` (``incidents.records.table``), ``ecs`` (Elastic Common Schema), ``ocsf`` (Detection
        Finding) or ``eve`` (Suricata's alert event).

    Returns
    -------
    pyarrow.Table
        N rows, with nested columns except for ``plain``.

    Raises
    ------
    UsageError
        If there is no such encoding of incidents.
    """
    if encoding == "plain":
        return records.table(changes, model)
    return encoded(Told.of(changes, model), encoding)


def encoded(told: Told, encoding: str) -> pa.Table:
    """Convert N incidents, whose columns are known, to rows of an encoding; as ``encode``."""
    if encoding == "plain":
        return told.plain
    if encoding == "ecs":
        from morpheus_gae.incidents.ecs import ecs

        return ecs(told)
    if encoding == "ocsf":
        from morpheus_gae.incidents.ocsf import ocsf

        return ocsf(told)
    if encoding == "eve":
        from morpheus_gae.incidents.eve import eve

        return eve(told)
    raise UsageError(
        f"incidents have no encoding {encoding!r}: choose one of {', '.join(INCIDENT_ENCODINGS)}"
    )
