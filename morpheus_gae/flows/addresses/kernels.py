"""Compiled loops over address bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from morpheus_gae.flows.bytes.loads import byte_at

ABSENT = np.uint8(0)
UNPARSABLE = np.uint8(1)
OK = np.uint8(2)

V4_PREFIX = np.uint64(0xFFFF_0000_0000)

_ZERO = np.uint64(0)
_16, _48, _64, _128 = np.uint64(16), np.uint64(48), np.uint64(64), np.uint64(128)
#: Value of each byte as a hexadecimal digit, or -1.
_HEX = np.full(256, -1, np.int64)
for _value, _digits in enumerate(zip("0123456789abcdef", "0123456789ABCDEF", strict=True)):
    _HEX[[ord(_digit) for _digit in _digits]] = _value

_DOT, _COLON, _PERCENT, _SPACE, _TAB = 46, 58, 37, 32, 9


@njit(cache=True, nogil=True)
def _quad(data: Any, start: int, stop: int) -> int:
    """A dotted quad as a number, or -1. Leading zeros are refused: some programs read them as octal."""
    if stop - start < 7 or stop - start > 15:
        return -1
    value = 0
    octet = 0
    digits = 0
    dots = 0
    for i in range(start, stop):
        c = byte_at(data, i)
        if 48 <= c <= 57:
            if digits > 0 and octet == 0:
                return -1
            octet = octet * 10 + (c - 48)
            digits += 1
            if octet > 255:
                return -1
        elif c == _DOT:
            if digits == 0 or dots == 3:
                return -1
            value = (value << 8) | octet
            octet = 0
            digits = 0
            dots += 1
        else:
            return -1
    if dots != 3 or digits == 0:
        return -1
    return (value << 8) | octet


@njit(cache=True, nogil=True)
def _six(data: Any, start: int, stop: int) -> tuple[bool, np.uint64, np.uint64]:
    """IPv6 text (RFC 4291, 2.2) as 128 bits; groups are shifted in, the part before ``::`` is set aside."""
    hi = lo = head_hi = head_lo = _ZERO
    gap = -1
    count = 0
    i = start
    if stop - start < 2:
        return False, _ZERO, _ZERO
    if data[i] == _COLON:
        if data[i + 1] != _COLON:
            return False, _ZERO, _ZERO
        gap = 0
        i += 2
    while i < stop:
        first = i
        word = 0
        while i < stop:
            digit = _HEX[data[i]]
            if digit < 0:
                break
            word = (word << 4) | digit
            i += 1
            if i - first > 4:
                return False, _ZERO, _ZERO
        if i < stop and data[i] == _DOT:
            quad = _quad(data, first, stop)
            if quad < 0:
                return False, _ZERO, _ZERO
            hi = (hi << np.uint64(32)) | (lo >> np.uint64(32))
            lo = (lo << np.uint64(32)) | np.uint64(quad)
            count += 2
            i = stop
            break
        if i == first:
            return False, _ZERO, _ZERO
        hi = (hi << _16) | (lo >> _48)
        lo = (lo << _16) | np.uint64(word)
        count += 1
        if count > 8:
            return False, _ZERO, _ZERO
        if i == stop:
            break
        if data[i] != _COLON:
            return False, _ZERO, _ZERO
        i += 1
        if i == stop:
            return False, _ZERO, _ZERO
        if data[i] == _COLON:
            if gap >= 0:
                return False, _ZERO, _ZERO
            gap = count
            head_hi, head_lo = hi, lo
            hi = lo = _ZERO
            i += 1
    if gap < 0:
        return count == 8, hi, lo
    if count > 7:
        return False, _ZERO, _ZERO
    shift = np.uint64(16 * (8 - gap))
    if shift < _64:  # gap >= 5, so shift is never 0
        head_hi = (head_hi << shift) | (head_lo >> (_64 - shift))
        head_lo = head_lo << shift
    elif shift < _128:
        head_hi = head_lo << (shift - _64)
        head_lo = _ZERO
    else:
        head_hi = head_lo = _ZERO
    return True, head_hi | hi, head_lo | lo


@njit(cache=True, nogil=True)
def _text_at(data: Any, start: int, stop: int) -> tuple[int, np.uint64, np.uint64]:
    while start < stop and (data[start] == _SPACE or data[start] == _TAB):
        start += 1
    while stop > start and (data[stop - 1] == _SPACE or data[stop - 1] == _TAB):
        stop -= 1
    if start == stop:
        return 0, _ZERO, _ZERO
    quad = _quad(data, start, stop)
    if quad >= 0:
        return 2, _ZERO, V4_PREFIX | np.uint64(quad)
    # A zone ("%eth0") names an interface of the exporter, not a part of the address.
    for i in range(start, stop):
        if data[i] == _PERCENT:
            for k in range(i + 1, stop):
                if data[k] == _PERCENT:
                    return 1, _ZERO, _ZERO
            if i + 1 == stop:
                return 1, _ZERO, _ZERO
            stop = i
            break
    fine, hi, lo = _six(data, start, stop)
    if fine:
        return 2, hi, lo
    return 1, _ZERO, _ZERO


@njit(cache=True, nogil=True)
def parse_text(data: Any, offsets: Any, valid: Any, hi: Any, lo: Any, status: Any) -> None:
    """Fill ``hi``, ``lo``, ``status`` [E] from text at ``data[offsets[e]:offsets[e + 1]]``."""
    for e in range(len(hi)):
        if valid[e]:
            status[e], hi[e], lo[e] = _text_at(data, offsets[e], offsets[e + 1])


@njit(cache=True, nogil=True)
def parse_binary(data: Any, offsets: Any, valid: Any, hi: Any, lo: Any, status: Any) -> None:
    """As ``parse_text`` for raw addresses of 4 or 16 bytes in network order; the rest is read as text."""
    for e in range(len(hi)):
        if not valid[e]:
            continue
        start, stop = offsets[e], offsets[e + 1]
        if stop - start == 4:
            word = _ZERO
            for i in range(start, stop):
                word = (word << np.uint64(8)) | np.uint64(data[i])
            status[e], hi[e], lo[e] = 2, _ZERO, V4_PREFIX | word
        elif stop - start == 16:
            head = tail = _ZERO
            for i in range(8):
                head = (head << np.uint64(8)) | np.uint64(data[start + i])
                tail = (tail << np.uint64(8)) | np.uint64(data[start + 8 + i])
            status[e], hi[e], lo[e] = 2, head, tail
        else:
            status[e], hi[e], lo[e] = _text_at(data, start, stop)


@njit(cache=True, nogil=True)
def prefer(hi: Any, lo: Any, status: Any, hi6: Any, lo6: Any, status6: Any) -> None:
    """Take the second address [E] where the first one says nothing (null, 0.0.0.0, ::) and it does."""
    for e in range(len(hi)):
        if status6[e] != OK:
            continue
        fine = status[e] == OK
        if fine and (hi[e] != 0 or (lo[e] != 0 and lo[e] != V4_PREFIX)):
            continue
        if not fine or hi6[e] != 0 or lo6[e] != 0:
            hi[e], lo[e], status[e] = hi6[e], lo6[e], OK


@njit(cache=True, nogil=True)
def spread(
    at: Any,
    bitmap: Any,
    offset: int,
    from_hi: Any,
    from_lo: Any,
    from_status: Any,
    hi: Any,
    lo: Any,
    status: Any,
) -> None:
    """Fill ``hi``, ``lo``, ``status`` [E] with the words of a dictionary at ``at``; bits of 0 are null."""
    for e in range(len(at)):
        bit = offset + e
        if len(bitmap) and not (bitmap[bit >> 3] >> (bit & 7)) & 1:
            continue
        i = at[e]
        hi[e], lo[e], status[e] = from_hi[i], from_lo[i], from_status[i]


@njit(cache=True, nogil=True)
def spread_either(
    at: Any,
    bitmap: Any,
    offset: int,
    words: Any,
    at6: Any,
    bitmap6: Any,
    offset6: int,
    words6: Any,
    hi: Any,
    lo: Any,
    status: Any,
) -> None:
    """`spread` of two columns and `prefer` in one; rows of ``words`` are uint64 hi, lo and status.

    The second is not looked at where the first says something, nor does a row of words span many lines of
    the cache.
    """
    for e in range(len(at)):
        bit = offset + e
        top, low, fine = _ZERO, _ZERO, np.uint64(ABSENT)
        if not len(bitmap) or (bitmap[bit >> 3] >> (bit & 7)) & 1:
            i = at[e]
            top, low, fine = words[i, 0], words[i, 1], words[i, 2]
        if fine != np.uint64(OK) or (top == 0 and low in (_ZERO, V4_PREFIX)):
            bit = offset6 + e
            if not len(bitmap6) or (bitmap6[bit >> 3] >> (bit & 7)) & 1:
                i = at6[e]
                if words6[i, 2] == np.uint64(OK) and (
                    fine != np.uint64(OK) or words6[i, 0] != 0 or words6[i, 1] != 0
                ):
                    top, low, fine = words6[i, 0], words6[i, 1], np.uint64(OK)
        hi[e], lo[e], status[e] = top, low, np.uint8(fine)


@njit(cache=True, nogil=True)
def _decimal(out: Any, at: int, octet: int) -> int:
    if octet >= 100:
        out[at] = 48 + octet // 100
        at += 1
    if octet >= 10:
        out[at] = 48 + (octet // 10) % 10
        at += 1
    out[at] = 48 + octet % 10
    return at + 1


@njit(cache=True, nogil=True)
def render(hi: Any, lo: Any) -> tuple[Any, Any]:
    """Bytes of all texts, and int32 offsets [E + 1]."""
    rows = len(hi)
    out = np.empty(rows * 39 + 1, dtype=np.uint8)  # the longest text is 8 groups of 4 and 7 colons
    offsets = np.zeros(rows + 1, dtype=np.int32)
    words = np.empty(8, dtype=np.int64)
    at = 0
    for e in range(rows):
        if hi[e] == _ZERO and (lo[e] >> np.uint64(32)) == np.uint64(0xFFFF):
            quad = np.int64(lo[e] & np.uint64(0xFFFFFFFF))
            for k in range(4):
                if k > 0:
                    out[at] = _DOT
                    at += 1
                at = _decimal(out, at, (quad >> (24 - 8 * k)) & 255)
        else:
            for k in range(4):
                words[k] = np.int64((hi[e] >> np.uint64(48 - 16 * k)) & np.uint64(0xFFFF))
                words[k + 4] = np.int64((lo[e] >> np.uint64(48 - 16 * k)) & np.uint64(0xFFFF))
            best, best_run, run = -1, 1, 0  # a single zero group is not shortened (RFC 5952, 4.2.2)
            for k in range(8):
                run = run + 1 if words[k] == 0 else 0
                if run > best_run:
                    best_run, best = run, k - run + 1
            k = 0
            while k < 8:
                if k == best:
                    out[at] = _COLON
                    at += 1
                    k += best_run
                    if k == 8:
                        out[at] = _COLON
                        at += 1
                    continue
                if k > 0:
                    out[at] = _COLON
                    at += 1
                started = False
                for shift in (12, 8, 4, 0):
                    digit = (words[k] >> shift) & 15
                    if digit or started or shift == 0:
                        started = True
                        out[at] = 48 + digit if digit < 10 else 87 + digit
                        at += 1
                k += 1
        offsets[e + 1] = at
    return out[:at].copy(), offsets
