"""Compiled joining of texts, row by row, and the search for bytes that need to be escaped."""

from __future__ import annotations

from typing import Any

from numba import njit

from morpheus_gae.flows.bytes.loads import put_word, word_at

STEP = 8
"""Bytes that are copied at a time."""


@njit(cache=True, nogil=True, forceinline=True)
def _copy(out: Any, end: int, data: Any, begin: int, size: int, room: int) -> None:
    """Copy ``size`` bytes from ``begin`` to ``end``, by STEP where so many lie within ``room`` of both."""
    k = 0
    while k < size and k + STEP <= room:
        put_word(out, end + k, word_at(data, begin + k))
        k += STEP
    while k < size:
        out[end + k] = data[begin + k]
        k += 1


@njit(cache=True, nogil=True)
def add_lengths(ends: Any, offsets: Any, before: int) -> None:
    """Add the length of each text, and of what stands before it, to ``ends`` int64 [E]."""
    for i in range(ends.shape[0]):
        ends[i] += offsets[i + 1] - offsets[i] + before


@njit(cache=True, nogil=True)
def place(out: Any, at: Any, stops: Any, before: Any, first: int, offsets: Any, data: Any) -> None:
    """Copy a text of each row, after what stands before it, to where the row has got.

    Bytes are copied by STEP, and beyond a text's end where they fit into the row: what comes next is
    written over them.

    Parameters
    ----------
    out
        uint8, written.
    at
        int64 [E]: where each row has got; moved on.
    stops
        int64 [E]: where each row ends.
    before, first
        uint8: the same in each row, with at least STEP bytes after its length.
    offsets, data
        int64 [E + 1], uint8: the texts.
    """
    whole = data.shape[0]
    for i in range(at.shape[0]):
        end, stop = at[i], stops[i]
        begin, size = offsets[i], offsets[i + 1] - offsets[i]
        _copy(out, end, before, 0, first, min(stop - end, before.shape[0]))
        end += first
        _copy(out, end, data, begin, size, min(stop - end, whole - begin))
        at[i] = end + size


@njit(cache=True, nogil=True)
def place_same(out: Any, at: Any, text: Any) -> None:
    """Copy one text to where each row has got, ``at`` int64 [E], which is moved on."""
    for i in range(at.shape[0]):
        for k in range(text.shape[0]):
            out[at[i] + k] = text[k]
        at[i] += text.shape[0]


@njit(cache=True, nogil=True)
def place_lists(out: Any, starts: Any, stops: Any, mark: Any, offsets: Any, data: Any) -> None:
    """Write lists of texts as JSON, one after the other.

    Parameters
    ----------
    out
        uint8, written.
    starts
        int64 [E + 1], written: where each list begins in ``out``, and the end of the last.
    stops
        int64 [E + 1]: the first item of each list, and the end of the last.
    mark
        uint8, of length 0 or 1: the quote on both sides of an item.
    offsets, data
        int64, uint8: the items' texts.
    """
    end, room, whole = 0, out.shape[0], data.shape[0]
    for i in range(starts.shape[0] - 1):
        starts[i] = end
        out[end] = 91
        end += 1
        for j in range(stops[i], stops[i + 1]):
            if j > stops[i]:
                out[end] = 44
                end += 1
            for octet in mark:
                out[end] = octet
                end += 1
            begin, size = offsets[j], offsets[j + 1] - offsets[j]
            _copy(out, end, data, begin, size, min(room - end, whole - begin))
            end += size
            for octet in mark:
                out[end] = octet
                end += 1
        out[end] = 93
        end += 1
    starts[starts.shape[0] - 1] = end


@njit(cache=True, nogil=True)
def has_any(marked: Any, data: Any) -> bool:
    """Whether a byte of ``data``, uint8, is ``marked``, bool [256]."""
    found = False
    for octet in data:
        found |= marked[octet]
    return found
