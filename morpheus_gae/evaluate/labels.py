"""Labels: attacks and their classes, used only for evaluation metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.labels import attacks
from morpheus_gae.errors import InputError
from morpheus_gae.flows.columns import ATTACK, LABEL

if TYPE_CHECKING:
    import pyarrow as pa

Bool = npt.NDArray[np.bool_]
I32 = npt.NDArray[np.int32]

UNNAMED = "unnamed"
"""Class of an attack whose ``Attack`` is null."""


@dataclass(frozen=True)
class Labels:
    """Labels of E flows.

    Attributes
    ----------
    attack
        bool [E].
    labelled
        bool [E]; unlabelled flows are excluded from metrics.
    kind
        int32 [E]: position of the flow's class in ``kinds``, -1 for benign and for unnamed classes.
    kinds
        Names of the attack classes; empty if the flows have no ``Attack`` column.
    """

    attack: Bool
    labelled: Bool
    kind: I32
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.attack.shape[0])


def labels_of(table: pa.Table) -> Labels:
    """Read the labels of a table of E rows.

    ``Label`` decides (0 and 1, booleans, or words) and ``Attack`` names the class; without a ``Label``, a
    flow is an attack if its ``Attack`` is not ``Benign``.

    Raises
    ------
    InputError
        If the table has neither column.
    """
    import pyarrow as pa

    names = table.column_names
    if LABEL not in names and ATTACK not in names:
        raise InputError(
            f"figures need labels: a column {LABEL} (0 or 1) or {ATTACK} (class, Benign if none); "
            f"found {', '.join(names) or 'no columns'}"
        )
    told = attacks(table, LABEL) or attacks(table, ATTACK)
    nothing = np.zeros(table.num_rows, np.bool_)
    attack, labelled = told if told is not None else (nothing, nothing)
    kind = np.full(table.num_rows, -1, np.int32)
    kinds: tuple[str, ...] = ()
    if ATTACK in names:
        column = table.column(ATTACK).combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        column = column.cast(pa.string()).fill_null(UNNAMED).filter(pa.array(attack)).dictionary_encode()
        kinds = tuple(column.dictionary.to_pylist())
        kind[attack] = column.indices.to_numpy(zero_copy_only=False)
    return Labels(attack, labelled, kind, kinds)


def join(parts: list[Labels]) -> Labels:
    """Concatenate labels of consecutive batches; classes are numbered by first appearance.

    Raises
    ------
    InputError
        If no flow is labelled.
    """
    if not any(p.labelled.any() for p in parts):
        raise InputError(
            f"no flow has a label: {LABEL} or {ATTACK} is null in all of {sum(map(len, parts)):,} flows"
        )
    number: dict[str, int] = {}
    kind = []
    for part in parts:
        codes = [number.setdefault(name, len(number)) for name in part.kinds]
        # -1, no class, is the last entry
        kind.append(np.array([*codes, -1], np.int32)[part.kind])
    return Labels(
        np.concatenate([p.attack for p in parts]),
        np.concatenate([p.labelled for p in parts]),
        np.concatenate(kind),
        tuple(number),
    )
