"""Labels, where the input happens to have them: reported, never used for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Bool = npt.NDArray[np.bool_]

UNLABELLED_WORDS = ("", "-", "nan", "none", "null")
BENIGN_WORDS = ("0", "0.0", "benign", "normal", "background", "false")


def attacks(table: pa.Table, column: str) -> tuple[Bool, Bool] | None:
    """Which flows are labelled, and which of them are attacks.

    Parameters
    ----------
    table
        E rows.
    column
        Name of the label column: numbers (0 is benign), booleans, or words (``BENIGN_WORDS`` are benign).

    Returns
    -------
    (bool [E], bool [E]) or None
        Attack, labelled; None if the table has no such column or nothing in it. Nulls, NaN and
        ``UNLABELLED_WORDS`` are not labelled.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if column not in table.column_names:
        return None
    labels = table.column(column)
    if labels.null_count == len(labels):
        return None
    if pa.types.is_dictionary(labels.type):
        labels = labels.cast(labels.type.value_type)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(labels.cast(pa.string())))
    benign = pc.is_in(words, value_set=pa.array(BENIGN_WORDS))
    unknown = pc.is_in(words, value_set=pa.array(UNLABELLED_WORDS))
    labelled = pc.is_valid(labels).to_numpy() & ~unknown.to_numpy()
    return labelled & ~benign.to_numpy(), labelled
