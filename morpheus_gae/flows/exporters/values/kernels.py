"""Compiled loops over times and ports, as exporters write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NO_TIME = np.int64(np.iinfo(np.int64).min)
"""In place of a time that is missing or cannot be read."""

#: A number of this size or more is no time in seconds, milliseconds, microseconds.
_SECONDS, _MILLIS, _MICROS = 100_000_000_000, 100_000_000_000_000, 100_000_000_000_000_000

_ZERO, _NINE, _DOT, _COLON, _DASH, _SLASH, _PLUS, _SPACE, _TAB = 48, 57, 46, 58, 45, 47, 43, 32, 9
#: Bytes of "2023-11-14 22:13:20".
_DATE_TIME = 19
_ZERO_32, _TEN_32 = np.uint32(48), np.uint32(10)
_E, _T, _X, _Z = (69, 101), (84, 116), (88, 120), (90, 122)
_A, _M, _P = (65, 97), (77, 109), (80, 112)
#: Bytes of "5/7/2017".
_DAY_FIRST = 8


@njit(cache=True, nogil=True)
def _scaled(whole: int, micros: int) -> int:
    """Microseconds since 1970 of a number whose size tells its unit; ``micros`` millionths more of it."""
    if whole < 0 or (whole == 0 and micros == 0):
        return NO_TIME
    if whole < _SECONDS:
        return whole * 1_000_000 + micros
    if whole < _MILLIS:
        return whole * 1000 + micros // 1000
    if whole < _MICROS:
        return whole
    return whole // 1000


@njit(cache=True, nogil=True)
def whole_times(values: Any, known: Any, out: Any) -> None:
    """Times that are whole numbers, int64 microseconds since 1970."""
    for i in range(len(values)):
        out[i] = _scaled(np.int64(values[i]), 0) if known[i] else NO_TIME


@njit(cache=True, nogil=True)
def real_times(values: Any, known: Any, out: Any) -> None:
    """Times that are floats, int64 microseconds since 1970."""
    for i in range(len(values)):
        value = values[i]
        if known[i] and 0 < value < 9e18:
            whole = np.int64(value)
            out[i] = _scaled(whole, np.int64((value - whole) * 1e6 + 0.5))
        else:
            out[i] = NO_TIME


@njit(cache=True, nogil=True)
def _digits(data: Any, i: int, stop: int, most: int) -> tuple[int, int]:
    """A number of at most so many digits, and the place after it."""
    value = 0
    end = min(stop, i + most)
    while i < end and _ZERO <= data[i] <= _NINE:
        value = value * 10 + (np.int64(data[i]) - _ZERO)
        i += 1
    return value, i


@njit(cache=True, nogil=True)
def _millionths(data: Any, i: int, stop: int) -> tuple[int, int]:
    """What stands behind a decimal point in millionths, and the place after it; the rest is cut off."""
    value, end = _digits(data, i, stop, 6)
    for _ in range(6 - (end - i)):
        value *= 10
    while end < stop and _ZERO <= data[end] <= _NINE:
        end += 1
    return value, end


@njit(cache=True, nogil=True)
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 (Gregorian)."""
    if month <= 2:
        year -= 1
        month += 12
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@njit(cache=True, nogil=True, inline="always")
def _two(data: Any, i: int) -> int:
    """A number of two digits; far below 0 if they are none."""
    # below "0" it wraps around, so that one comparison does
    a, b = np.uint32(data[i]) - _ZERO_32, np.uint32(data[i + 1]) - _ZERO_32
    return np.int64(10 * a + b) if a < _TEN_32 and b < _TEN_32 else -100_000


@njit(cache=True, nogil=True)
def _zone(data: Any, start: int, stop: int) -> int:
    """Minutes east of Greenwich that a zone tells, or -9999 if it is none. No zone is taken as UTC."""
    i = start
    while i < stop and data[i] == _SPACE:
        i += 1
    left = stop - i
    if left == 0 or (left == 1 and data[i] in _Z):
        return 0
    if left == 3 and data[i] == 85 and data[i + 1] == 84 and data[i + 2] == 67:  # UTC
        return 0
    sign = data[i]
    colon = np.int64(left == 6)
    if sign not in (_PLUS, _DASH) or left < 5 or left > 6 or (colon and data[i + 3] != _COLON):
        return -9999
    hours, minutes = _two(data, i + 1), _two(data, i + 3 + colon)
    if hours < 0 or minutes < 0:
        return -9999
    return 60 * hours + minutes if sign == _PLUS else -60 * hours - minutes


@njit(cache=True, nogil=True)
def _date(data: Any, i: int) -> int:
    """Days since 1970 of "2023-11-14" or "2023/11/14", or ``NO_TIME``."""
    dash = data[i + 4]
    if dash not in (_DASH, _SLASH) or data[i + 7] != dash:
        return NO_TIME
    year = 100 * _two(data, i) + _two(data, i + 2)
    month, day = _two(data, i + 5), _two(data, i + 8)
    if not (year > 0 and 1 <= month <= 12 and 1 <= day <= 31):
        return NO_TIME
    return _days(year, month, day)


@njit(cache=True, nogil=True)
def _clock(data: Any, i: int, stop: int) -> int:
    """Microseconds since midnight, UTC, of "T22:13:20" and what may follow, or ``NO_TIME``."""
    if (data[i] != _SPACE and data[i] not in _T) or data[i + 3] != _COLON or data[i + 6] != _COLON:
        return NO_TIME
    hour, minute, second = _two(data, i + 1), _two(data, i + 4), _two(data, i + 7)
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60):
        return NO_TIME
    i += 9
    micros = 0
    if i < stop and data[i] == _DOT:
        if stop - i > 6 and _two(data, i + 1) >= 0 and _two(data, i + 3) >= 0 and _two(data, i + 5) >= 0:
            micros = 10_000 * _two(data, i + 1) + 100 * _two(data, i + 3) + _two(data, i + 5)
            i += 7
            while i < stop and _ZERO <= data[i] <= _NINE:
                i += 1
        else:
            micros, i = _millionths(data, i + 1, stop)
    zone = 0 if i == stop else _zone(data, i, stop)
    if zone == -9999:
        return NO_TIME
    return ((hour * 60 + minute - zone) * 60 + second) * 1_000_000 + micros


@njit(cache=True, nogil=True)
def _number(data: Any, i: int, stop: int) -> int:
    whole, end = _digits(data, i, stop, 19)
    if end == i:
        return NO_TIME
    micros = 0
    if end < stop and data[end] == _DOT:
        micros, end = _millionths(data, end + 1, stop)
    if end < stop and data[end] in _E:
        return _power(data, i, end, stop)
    return _scaled(whole, micros) if end == stop else NO_TIME


@njit(cache=True, nogil=True)
def _power(data: Any, i: int, mark: int, stop: int) -> int:
    """A number such as 1.7e+12, as floats are written where a column holds words too."""
    digits = 0.0
    shift = 0
    for k in range(i, mark):
        if data[k] == _DOT:
            shift = mark - k - 1
        else:
            digits = digits * 10 + (np.int64(data[k]) - _ZERO)
    start = mark + 2 if mark + 1 < stop and data[mark + 1] == _PLUS else mark + 1
    power, end = _digits(data, start, stop, 2)
    if end == start or end != stop or power > 20:
        return NO_TIME
    value = digits * 10.0 ** (power - shift) if power >= shift else digits / 10.0 ** (shift - power)
    if value >= 9e18:
        return NO_TIME
    whole = np.int64(value)
    return _scaled(whole, np.int64((value - whole) * 1e6 + 0.5))


@njit(cache=True, nogil=True)
def _same_date(data: Any, i: int, j: int) -> bool:
    same = True
    for k in range(10):
        same &= data[i + k] == data[j + k]
    return same


@njit(cache=True, nogil=True)
def _day_first(data: Any, i: int, stop: int) -> int:
    """Microseconds since 1970, UTC, of "14/02/2018 08:31:01", "5/7/2017 8:55 PM", or ``NO_TIME``."""
    day, first = _digits(data, i, stop, 2)
    month, second = _digits(data, first + 1, stop, 2)
    if second == first + 1 or second >= stop or data[second] != _SLASH:
        return NO_TIME
    year, i = _digits(data, second + 1, stop, 4)
    if i - second != 5 or year == 0 or not (1 <= month <= 12 and 1 <= day <= 31):
        return NO_TIME
    clock = 0
    if i < stop:
        if data[i] != _SPACE and data[i] not in _T:
            return NO_TIME
        clock = _hours(data, i + 1, stop)
    return NO_TIME if clock == NO_TIME else _days(year, month, day) * 86_400_000_000 + clock


@njit(cache=True, nogil=True)
def _hours(data: Any, i: int, stop: int) -> int:
    """Microseconds since midnight of "8:55", "08:31:01.5", "8:55:01 PM", or ``NO_TIME``."""
    hour, end = _digits(data, i, stop, 2)
    if end == i or end >= stop or data[end] != _COLON:
        return NO_TIME
    minute, i = _digits(data, end + 1, stop, 2)
    if i - end != 3:
        return NO_TIME
    second = micros = 0
    if i < stop and data[i] == _COLON:
        second, end = _digits(data, i + 1, stop, 2)
        if end - i != 3:
            return NO_TIME
        i = end
        if i < stop and data[i] == _DOT:
            micros, i = _millionths(data, i + 1, stop)
    while i < stop and data[i] == _SPACE:
        i += 1
    if stop - i == 2 and data[i + 1] in _M and (data[i] in _A or data[i] in _P) and 1 <= hour <= 12:
        hour = hour % 12 + (12 if data[i] in _P else 0)
    elif i != stop:
        return NO_TIME
    if hour > 23 or minute > 59 or second > 60:
        return NO_TIME
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros


@njit(cache=True, nogil=True)
def text_times(data: Any, offsets: Any, known: Any, out: Any) -> None:
    """Times that are text, int64 microseconds since 1970; ``NO_TIME`` for what is none."""
    date = -1
    days = 0
    for e in range(len(out)):
        out[e] = NO_TIME
        if not known[e]:
            continue
        start = np.int64(offsets[e])
        stop = np.int64(offsets[e + 1])
        while start < stop and data[start] in (_SPACE, _TAB):
            start += 1
        while stop > start and data[stop - 1] in (_SPACE, _TAB):
            stop -= 1
        if stop - start >= _DAY_FIRST and (data[start + 1] == _SLASH or data[start + 2] == _SLASH):
            out[e] = _day_first(data, start, stop)
            continue
        if stop - start < _DATE_TIME or data[start + 4] == _DOT or _ZERO <= data[start + 4] <= _NINE:
            out[e] = _number(data, start, stop)
            continue
        # one date follows another that is the same
        if date < 0 or not _same_date(data, start, date):
            days = _date(data, start)
            date = start if days != NO_TIME else -1
        clock = _clock(data, start + 10, stop) if date >= 0 else NO_TIME
        if clock != NO_TIME:
            out[e] = days * 86_400_000_000 + clock


@njit(cache=True, nogil=True)
def text_ports(data: Any, offsets: Any, known: Any, out: Any) -> None:
    """Ports that are text, decimal (443, also 443.0) or hexadecimal (0x0303), int32; -1 for what is none."""
    for e in range(len(out)):
        out[e] = -1
        start = offsets[e]
        stop = offsets[e + 1]
        if stop - start > 2 and data[stop - 2] == _DOT and data[stop - 1] == _ZERO:
            stop -= 2
        if not known[e] or start == stop or stop - start > 6:
            continue
        value = 0
        if stop - start > 2 and data[start] == _ZERO and data[start + 1] in _X:
            for i in range(start + 2, stop):
                c = np.int64(data[i])
                digit = c - _ZERO if c <= _NINE else (c | 32) - 87
                value = value * 16 + digit if 0 <= digit < 16 and value >= 0 else -1
        else:
            for i in range(start, stop):
                c = np.int64(data[i])
                value = value * 10 + c - _ZERO if _ZERO <= c <= _NINE and value >= 0 else -1
        out[e] = value if value <= 65_535 else -1
