"""Labels in the input, if any: reported, never used for a decision."""

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
    """Find which flows are labelled, and which of them are attacks.

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
    valid = np.asarray(pc.is_valid(labels))
    if pa.types.is_integer(labels.type):
        return np.asarray(pc.fill_null(labels, 0)) != 0, valid
    if not pa.types.is_dictionary(labels.type):
        # few distinct words, many rows
        labels = pc.dictionary_encode(labels)
    labels = labels.unify_dictionaries()
    # a single dictionary here
    words = labels.chunk(0).dictionary
    words = pc.utf8_lower(pc.utf8_trim_whitespace(words.cast(pa.string())))
    benign = np.asarray(pc.fill_null(pc.is_in(words, value_set=pa.array(BENIGN_WORDS)), False))
    unknown = np.asarray(pc.fill_null(pc.is_in(words, value_set=pa.array(UNLABELLED_WORDS)), True))
    index = np.concatenate([np.asarray(pc.fill_null(chunk.indices, 0)) for chunk in labels.chunks])
    labelled = valid & ~unknown[index]
    return labelled & ~benign[index], labelled
