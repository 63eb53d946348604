"""Addresses between text and two 64-bit integers.

Every address is held as 128 bits; IPv4 as its IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). Text is read
straight from the Arrow buffers: one pass over the bytes, no Python object per address.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.addresses.kernels import (
    ABSENT,
    OK,
    UNPARSABLE,
    V4_PREFIX,
    parse_binary,
    parse_text,
    prefer,
    render,
    spread,
    spread_either,
)

I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

_EMPTY = np.zeros(0, dtype=np.uint8)
# as Arrow's buffers are: one form of each kernel is enough
_EMPTY.flags.writeable = False


def parse_addresses(column: pa.ChunkedArray | pa.Array) -> tuple[U64, U64, Bool]:
    """Read a column of addresses.

    Parameters
    ----------
    column
        E addresses: text (strict dotted quads, or RFC 4291 IPv6 text; surrounding spaces and an IPv6 zone
        are dropped), dictionary-encoded text, integers (an IPv4 address as a number), or binary of 4 or
        16 bytes in network order.

    Returns
    -------
    hi, lo
        uint64 [E]; zero where not ok.
    ok
        bool [E]: False for nulls and for whatever is not an address (a MAC address, say).
    """
    hi, lo, status = parse_status(column)
    return hi, lo, status == OK


def parse_status(column: pa.ChunkedArray | pa.Array) -> tuple[U64, U64, U8]:
    """As ``parse_addresses``, with a status: ``OK``, ``ABSENT`` (null, blank) or ``UNPARSABLE``."""
    rows = len(column)
    hi, lo, status = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64), np.zeros(rows, np.uint8)
    start = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        cut = slice(start, start + len(chunk))
        if len(chunk):
            _parse_array(chunk, hi[cut], lo[cut], status[cut])
        start += len(chunk)
    return hi, lo, status


def parse_either(first: pa.ChunkedArray, second: pa.ChunkedArray) -> tuple[U64, U64, U8]:
    """As ``parse_status`` of the first column, and of the second where the first says nothing.

    It says nothing if it is null, no address, 0.0.0.0 or ::, and the second says more.
    """
    rows = len(first)
    hi, lo, status = np.empty(rows, np.uint64), np.empty(rows, np.uint64), np.empty(rows, np.uint8)
    start = 0
    for one, other in _pieces(first, second):
        cut = slice(start, start + len(one))
        told = _words(one), _words(other)
        if told[0] is not None and told[1] is not None:
            spread_either(*told[0], *told[1], hi[cut], lo[cut], status[cut])
        else:
            hi[cut], lo[cut], status[cut] = parse_status(one)
            prefer(hi[cut], lo[cut], status[cut], *parse_status(other))
        start = cut.stop
    return hi, lo, status


def format_addresses(hi: U64, lo: U64) -> pa.Array:
    """Text of addresses: dotted quads for IPv4-mapped ones, else RFC 5952.

    Parameters
    ----------
    hi, lo
        uint64 [E].

    Returns
    -------
    pyarrow.Array
        string [E].
    """
    text, offsets = render(np.ascontiguousarray(hi), np.ascontiguousarray(lo))
    return pa.StringArray.from_buffers(len(hi), pa.py_buffer(offsets), pa.py_buffer(text))


def _parse_array(array: pa.Array, hi: U64, lo: U64, status: U8) -> None:
    kind = array.type
    if pa.types.is_dictionary(kind):
        _parse_dictionary(array, hi, lo, status)
    elif pa.types.is_integer(kind):
        _parse_numbers(array, hi, lo, status)
    elif pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        offsets = (np.arange(len(array) + 1, dtype=np.int64) + array.offset) * width
        data = _bytes(array.buffers()[1])
        parse_binary(data, offsets, _valid(array), hi, lo, status)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        data, offsets = _text_buffers(array)
        parse_text(data, offsets, _valid(array), hi, lo, status)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        data, offsets = _text_buffers(array)
        parse_binary(data, offsets, _valid(array), hi, lo, status)
    elif "view" in str(kind):
        wide = pa.large_string() if str(kind) == "string_view" else pa.large_binary()
        _parse_array(array.cast(wide), hi, lo, status)
    else:
        status[:] = np.where(_valid(array), UNPARSABLE, ABSENT)


def _parse_dictionary(array: pa.DictionaryArray, hi: U64, lo: U64, status: U8) -> None:
    # A batch may carry the dictionary of a whole row group: then reading the rows is the smaller work.
    if len(array.dictionary) > len(array):
        _parse_array(array.dictionary_decode(), hi, lo, status)
        return
    words = parse_status(array.dictionary)
    if len(words[0]):
        spread(*_indices(array), *words, hi, lo, status)


def _pieces(first: pa.ChunkedArray, second: pa.ChunkedArray) -> list[tuple[Any, Any]]:
    """Both columns cut where their chunks end; whole, where these end at different rows."""
    if list(map(len, first.chunks)) != list(map(len, second.chunks)):
        return [(first, second)]
    return [(one, other) for one, other in zip(first.chunks, second.chunks, strict=True) if len(one)]


def _words(array: pa.ChunkedArray | pa.Array) -> tuple[I32, U8, int, U64] | None:
    """Indices of an array, and its words as ``spread_either`` takes them.

    None if it is no dictionary of one piece, or one that has more words than rows.
    """
    if isinstance(array, pa.ChunkedArray) or not pa.types.is_dictionary(array.type):
        return None
    if not 0 < len(array.dictionary) <= len(array) or array.indices.type != pa.int32():
        return None
    return *_indices(array), np.stack(parse_status(array.dictionary), 1, dtype=np.uint64)


def _indices(array: pa.DictionaryArray) -> tuple[npt.NDArray[Any], U8, int]:
    """Indices, the bitmap of those that are not null, and where in it they begin."""
    indices = array.indices
    if indices.type not in (pa.int32(), pa.int64()):
        indices = indices.cast(pa.int64())
    bitmap, values = indices.buffers()
    width = np.int32 if indices.type == pa.int32() else np.int64
    stop = indices.offset + len(indices)
    at = np.frombuffer(values, width, stop)[indices.offset :] if stop else np.zeros(0, width)
    return at, _bytes(bitmap), indices.offset


def _parse_numbers(array: pa.Array, hi: U64, lo: U64, status: U8) -> None:
    known = _valid(array)
    number = array.fill_null(0).to_numpy(zero_copy_only=False)
    fits = known & (number >= 0) & (number <= 0xFFFFFFFF)
    lo[fits] = number[fits].astype(np.uint64) | V4_PREFIX
    status[:] = np.where(fits, OK, np.where(known, UNPARSABLE, ABSENT))


def _bytes(buffer: Any) -> U8:
    return _EMPTY if buffer is None else np.frombuffer(buffer, dtype=np.uint8)


def _text_buffers(array: pa.Array) -> tuple[U8, npt.NDArray[Any]]:
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    kind, stop = np.int64 if wide else np.int32, array.offset + len(array) + 1
    # a buffer may be longer than it need be, and no buffer at all where there are no rows
    every = np.frombuffer(offsets, kind, stop) if len(array) else np.zeros(stop, kind)
    return _bytes(data), every[array.offset :]


def _valid(array: pa.Array) -> Bool:
    """Which are not null, bool [E]."""
    if array.null_count == 0:
        return np.ones(len(array), dtype=np.bool_)
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
