"""Compiled joining of texts, row by row, and the search for bytes that need to be escaped."""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(cache=True, nogil=True)
def add_lengths(ends: Any, offsets: Any, before: int) -> None:
    """Add the length of each text, and of what stands before it, to ``ends`` int64 [E]."""
    for i in range(ends.shape[0]):
        ends[i] += offsets[i + 1] - offsets[i] + before


@njit(cache=True, nogil=True)
def place(out: Any, at: Any, before: Any, offsets: Any, data: Any) -> None:
    """Copy a text of each row, after what stands before it, to where the row has got.

    Parameters
    ----------
    out
        uint8, written.
    at
        int64 [E]: where each row has got; moved on.
    before
        uint8: the same in each row.
    offsets, data
        int64 [E + 1], uint8: the texts.
    """
    first = before.shape[0]
    for i in range(at.shape[0]):
        end = at[i]
        for k in range(first):
            out[end + k] = before[k]
        end += first
        begin, size = offsets[i], offsets[i + 1] - offsets[i]
        for k in range(size):
            out[end + k] = data[begin + k]
        at[i] = end + size


@njit(cache=True, nogil=True)
def place_same(out: Any, at: Any, text: Any) -> None:
    """Copy one text to where each row has got, ``at`` int64 [E], which is moved on."""
    for i in range(at.shape[0]):
        for k in range(text.shape[0]):
            out[at[i] + k] = text[k]
        at[i] += text.shape[0]


@njit(cache=True, nogil=True)
def has_any(marked: Any, data: Any) -> bool:
    """Whether a byte of ``data``, uint8, is ``marked``, bool [256]."""
    found = False
    for octet in data:
        found |= marked[octet]
    return found
