"""Checks: the door that every table from outside goes through before a kernel reads it.

Whoever wrote a file, a message or a host's frame may have written offsets that point outside of it, indices
of no word, or bytes that are no text. What lies about its own shape is refused as a whole, for no row of it
can be told from another; a row whose text is not UTF-8 is set aside alone. Types that few libraries read
(views, run ends, unions, extensions) become plain ones on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.errors import InputError
from morpheus_gae.flows.tables.checks_kernels import ascend, is_ascii, not_utf8, nulls, within
from morpheus_gae.flows.tables.plain_types import as_numbers, plain_column

Bool = npt.NDArray[np.bool_]

FEW = 64
"""Rows below which Arrow's own check is as fast."""
_NONE = np.zeros(0, np.uint8)


class DamagedError(InputError):
    """A table is not what it says it is: nothing in it can be read safely.

    Parameters
    ----------
    source
        Its name.
    detail
        What was found.
    """

    def __init__(self, source: str, detail: str) -> None:
        super().__init__(f"{source} is damaged: {detail}")
        self.detail = detail


def checked(table: pa.Table, source: str = "table") -> tuple[pa.Table, Bool | None]:
    """A table that is safe to read.

    Parameters
    ----------
    table
        E rows, from anywhere.
    source
        Its name, for the error.

    Returns
    -------
    pyarrow.Table
        The same rows and columns, in plain types.
    bool [E] or None
        Rows with text that is not UTF-8, which must not be decoded; None if there is none.

    Raises
    ------
    DamagedError
        If a buffer is too short, an offset or index points outside, nulls are miscounted, a name is not
        UTF-8, ...
    """
    try:
        # lengths of buffers
        table.validate()
        kinds = [field.type for field in table.schema]
        _ = table.column_names
        garbled: Bool | None = None
        for i, kind in enumerate(kinds):
            column = table.column(i)
            found = _garbled(column)
            if found is not None:
                garbled = found if garbled is None else garbled | found
            plain = plain_column(column, kind, found)
            if plain is not column:
                table = table.set_column(i, table.field(i).name, plain)
    except UnicodeDecodeError:
        raise DamagedError(source, "the name of a column or of a time zone is not UTF-8") from None
    except (pa.ArrowException, RecursionError, OverflowError, ValueError) as error:
        raise DamagedError(source, " ".join(str(error).split())[:200]) from None
    return table, garbled


def _garbled(column: pa.ChunkedArray) -> Bool | None:
    """Which rows of a column hold text that is not UTF-8; None if none does."""
    wrong: list[Bool | None] = [None if _is_sound(chunk) else _judged(chunk) for chunk in column.chunks]
    if all(found is None for found in wrong):
        return None
    parts = zip(column.chunks, wrong, strict=True)
    return np.concatenate([np.zeros(len(c), bool) if found is None else found for c, found in parts])


def _is_sound(array: pa.Array) -> bool:
    """Whether nothing can be wrong with an array; False if it takes a closer look to tell.

    As ``array.validate(full=True)``, sooner for numbers, for text that is ASCII, and for dictionaries of it.
    """
    kind, rows = array.type, len(array)
    if rows < FEW:
        return False
    buffers = array.buffers()
    # of a slice, nulls are counted anew when somebody asks
    if not array.offset and array.null_count and nulls(_bytes(buffers[0]), rows) != array.null_count:
        return False
    if _is_plain(kind):
        return True
    if pa.types.is_dictionary(kind) and kind.index_type in (pa.int32(), pa.int64()):
        words, indices = array.dictionary, array.indices
        at = _values(indices, np.int32 if kind.index_type == pa.int32() else np.int64)
        inside = within(at, _bytes(buffers[0]), array.offset, len(words))
        return inside and _is_valid(words)
    return _is_text(kind) and _ascends(array) and is_ascii(_offsets(array), _bytes(buffers[2]))


def _is_valid(words: pa.Array) -> bool:
    if len(words) >= FEW:
        return _is_sound(words)
    try:
        words.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _judged(array: pa.Array) -> Bool | None:
    """Rows whose text is not UTF-8; None if none is so.

    Raises
    ------
    pyarrow.ArrowInvalid
        If there is more to it than text.
    """
    try:
        as_numbers(array).validate(full=True)
    except pa.ArrowInvalid:
        if _is_text(array.type):
            wrong = _wrong_texts(array)
        elif pa.types.is_dictionary(array.type):
            wrong = _wrong_words(array)
            if _judged(array.dictionary) is not None:
                # words that no row has are no fault of one
                return wrong
        elif str(array.type) == "string_view":
            wrong = _wrong_views(array)
        else:
            wrong = _wrong_inside(array)
        if not wrong.any():
            # nor is it the text of some row
            raise
        return wrong
    return None


def _wrong_texts(array: pa.Array) -> Bool:
    # the same bytes without the claim to be text: all that is wrong must be that claim
    wide = pa.types.is_large_string(array.type)
    array.view(pa.large_binary() if wide else pa.binary()).validate(full=True)
    wrong = np.zeros(len(array), bool)
    if len(array):
        not_utf8(_offsets(array), _bytes(array.buffers()[2]), wrong)
    return wrong & ~_nulls(array)


def _wrong_views(array: pa.Array) -> Bool:
    raw = pa.Array.from_buffers(pa.binary_view(), len(array), array.buffers(), offset=array.offset)
    raw.validate(full=True)
    # not cast: older Arrow cannot
    return _wrong_texts(pa.array(raw.to_pylist(), pa.large_binary()).view(pa.large_string()))


def _wrong_words(array: pa.DictionaryArray) -> Bool:
    wrong = _judged(array.dictionary)
    array.indices.validate(full=True)
    at = np.asarray(pc.fill_null(array.indices.cast(pa.int64()), -1))
    if len(at) and (int(at.max()) >= len(array.dictionary) or int(at.min()) < -1):
        raise pa.ArrowInvalid("an index of a dictionary column is of no word")
    return np.append(np.zeros(len(array.dictionary), bool) if wrong is None else wrong, False)[at]


def _wrong_inside(array: pa.Array) -> Bool:
    """Rows that hold such text in a field or an element; everything else about them must be sound."""
    kind, rows = array.type, len(array)
    buffers = array.buffers()
    if not array.offset and array.null_count and nulls(_bytes(buffers[0]), rows) != array.null_count:
        raise pa.ArrowInvalid("nulls are miscounted")
    if pa.types.is_struct(kind):
        return _any([_judged(array.field(i)) for i in range(kind.num_fields)], rows)
    if pa.types.is_fixed_size_list(kind):
        width = kind.list_size
        inside = _any([_judged(array.flatten())], rows * width) if not array.null_count else None
        if inside is None:
            raise pa.ArrowInvalid("text in lists of a fixed size is not UTF-8")
        return np.asarray(inside.reshape(rows, width).any(1))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        parts = [array.keys, array.items] if pa.types.is_map(kind) else [array.values]
        size = len(parts[0])
        offsets = np.asarray(array.offsets, np.int64) if rows else np.zeros(1, np.int64)
        if not ascend(offsets, size):
            raise pa.ArrowInvalid("an offset of a list points outside")
        before = np.append(0, np.cumsum(_any([_judged(part) for part in parts], size)))
        return np.asarray(before[offsets[1:]] > before[offsets[:-1]])
    return np.zeros(rows, bool)


def _any(found: list[Bool | None], rows: int) -> Bool:
    out = np.zeros(rows, bool)
    for wrong in found:
        out |= False if wrong is None else wrong
    return out


def _ascends(array: pa.Array) -> bool:
    return bool(ascend(_offsets(array), len(_bytes(array.buffers()[2]))))


def _is_plain(kind: Any) -> bool:
    """Whether any bytes are values of a type."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_temporal(kind)
    )


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _offsets(array: pa.Array) -> npt.NDArray[Any]:
    """Offsets [E + 1] of an array of at least one text."""
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    every = np.frombuffer(array.buffers()[1], kind, array.offset + len(array) + 1)
    return every[array.offset :]


def _values(array: pa.Array, kind: Any) -> npt.NDArray[Any]:
    every = np.frombuffer(array.buffers()[1], kind, array.offset + len(array))
    return every[array.offset :]


def _nulls(array: pa.Array) -> Bool:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool)


def _bytes(buffer: Any) -> Any:
    return _NONE if buffer is None else np.frombuffer(buffer, np.uint8)
