"""Labels of published data sets: ``Label`` (0 or 1) and ``Attack`` (the class, ``Benign`` if none)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.tables.concat import as_text

I8 = npt.NDArray[np.int8]
Column = Any
"""A pyarrow.ChunkedArray of E values."""

ATTACK, BENIGN, UNLABELLED = 1, 0, -1

BENIGN_CLASS = "Benign"
UNLABELLED_WORDS = frozenset(
    (
        *("", "-", "?", "(empty)", "nan", "none", "null", "unknown", "unlabelled", "unlabeled"),
        # CICFlowMeter, where nobody told it any
        *("no label", "nolabel", "needmanuallabel"),
    )
)
BENIGN_WORDS = frozenset(("0", "0.0", "benign", "normal", "background", "legitimate", "false"))
NAMELESS_WORDS = frozenset(("1", "1.0", "true"))
"""Words that say attack, and not which."""


def labels(
    told: Column, kind: Column | None, parts: tuple[tuple[str, int], ...] = ()
) -> tuple[Column, Column]:
    """Labels of E flows.

    Parameters
    ----------
    told
        What says whether a flow is an attack: numbers (0 is benign), booleans, or words.
    kind
        Names of classes; where ``told`` has no value they decide. None if ``told`` names them.
    parts
        Parts of words, with what they say, in the order they are looked for; a word with none of them says
        nothing then.

    Returns
    -------
    int8 [E]
        1 for attacks, 0 for benign flows, null for those that nobody has labelled.
    text [E]
        The class, ``Benign``, or null.
    """

    def judged(word: str) -> int:
        return _judged(word, parts)

    def named(word: str) -> str | None:
        known = judged(word) == ATTACK and word.strip().lower() not in NAMELESS_WORDS
        return word.strip().removeprefix("flow=") if known else None

    words = [_words(column) for column in (told, kind) if column is not None]
    codes = [_codes(column, judged) for column in words]
    code = np.where(codes[0] == UNLABELLED, codes[-1], codes[0])
    # the class before what says no more than that there is one
    names = pc.coalesce(*(_mapped(column, named, pa.string()) for column in reversed(words)))
    names = pc.if_else(pa.array(code == ATTACK), names, pa.scalar(None, pa.string()))
    names = pc.if_else(pa.array(code == BENIGN), pa.scalar(BENIGN_CLASS), names)
    return pa.chunked_array([pa.array(code, pa.int8(), mask=code == UNLABELLED)]), names


def _judged(word: str, parts: tuple[tuple[str, int], ...]) -> int:
    word = word.strip().lower()
    if word in UNLABELLED_WORDS:
        return UNLABELLED
    for part, says in parts:
        if part in word:
            return says
    if word in BENIGN_WORDS:
        return BENIGN
    return UNLABELLED if parts and word not in NAMELESS_WORDS else ATTACK


def _words(column: Column) -> Column:
    """Values as words of a dictionary, so that each is looked at once."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if not pa.types.is_dictionary(column.type):
        column = as_text(column).dictionary_encode()
    return column


def _mapped(column: Column, of: Callable[[str], Any], kind: Any) -> Column:
    chunks = []
    for chunk in column.chunks:
        words = [None if word is None else of(str(word)) for word in chunk.dictionary.to_pylist()]
        chunks.append(pa.array(words, kind).take(chunk.indices))
    return pa.chunked_array(chunks, kind)


def _codes(column: Column, judged: Callable[[str], int]) -> I8:
    codes = pc.fill_null(_mapped(column, judged, pa.int8()), UNLABELLED)
    return np.asarray(codes, np.int8)


def is_glued(name: str) -> bool:
    """Whether a column is the last one of IoT-23, which is three in one."""
    return name.split() == ["tunnel_parents", "label", "detailed-label"]


def unglued(column: Column) -> tuple[Column, Column]:
    """The label and the detailed label in texts of three words with spaces between, as IoT-23 has them."""
    words = _words(column)

    def part(i: int) -> Callable[[str], str | None]:
        def of(text: str) -> str | None:
            # the first, which may be missing, holds no space; the last one may
            found = text.split(maxsplit=2)
            return found[i] if len(found) == 3 else None

        return of

    return _mapped(words, part(1), pa.string()), _mapped(words, part(2), pa.string())
