"""Times: Arrow's times as ISO 8601 text and its durations as milliseconds, whatever their unit and range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

I64 = npt.NDArray[np.int64]

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400
# the years that four digits hold; ISO 8601 writes others with a sign and six digits or more
_FIRST, _END = -62_135_596_800, 253_402_300_800
_TEXT = pa.large_string()


def iso_text(array: pa.Array) -> pa.Array:
    """Times as ISO 8601 text.

    Parameters
    ----------
    array
        Timestamps, dates or times of the day, of any unit. Timestamps with a zone are instants: they are told
        in UTC, with ``Z``; those without one have none here either.

    Returns
    -------
    pyarrow.LargeStringArray
        ``2025-03-10T08:00:00.231Z``, ``2025-03-10``, ``08:00:00``; years beyond four digits with a sign
        (``+12025-03-10``); what is no time of a day as Arrow describes it; null where the value is.
    """
    kind = array.type
    if pa.types.is_time(kind):
        return array.cast(_TEXT)
    if pa.types.is_timestamp(kind):
        unit, zone = kind.unit, "Z" if kind.tz else ""
        naive = array.view(pa.timestamp(unit))
        return _within_years(naive, PER_SECOND[unit], zone, _clock_text)
    if pa.types.is_date64(kind):
        return _within_years(array, 1_000, "", _date_text)
    return _within_years(array, 1 / _DAY, "", _date_text)


def milliseconds(array: pa.Array) -> pa.Array:
    """Durations as numbers of milliseconds, written out: exact, with a fraction where there is one.

    Parameters
    ----------
    array
        Durations of any unit.

    Returns
    -------
    pyarrow.LargeStringArray
        ``1500``, ``-0.25``; null where the value is.
    """
    unit, raw = array.type.unit, array.view(pa.int64())
    if unit == "ms":
        return raw.cast(_TEXT)
    if unit == "s":
        zeros = pc.if_else(pc.equal(raw, 0), "", "000")
        return pc.binary_join_element_wise(raw.cast(_TEXT), zeros.cast(_TEXT), pa.scalar("", _TEXT))
    each = PER_SECOND[unit] // 1_000
    values = _filled(raw)
    # the least int64 has no positive: as bits it is right again
    size = np.abs(values).view(np.uint64)
    whole, rest = pa.array(size // np.uint64(each)), size % np.uint64(each)
    pieces = [whole.cast(_TEXT)]
    if rest.any():
        digits = pc.utf8_lpad(pa.array(rest).cast(_TEXT), len(str(each)) - 1, "0")
        fraction = pc.binary_join_element_wise(
            pa.scalar("", _TEXT), pc.utf8_rtrim(digits, "0"), pa.scalar(".", _TEXT)
        )
        pieces.append(pc.if_else(pa.array(rest > 0), fraction, pa.scalar("", _TEXT)))
    sign = pc.if_else(pa.array(values < 0), pa.scalar("-", _TEXT), pa.scalar("", _TEXT))
    text = pc.binary_join_element_wise(sign, *pieces, pa.scalar("", _TEXT))
    return pc.if_else(array.is_valid(), text, pa.scalar(None, _TEXT)) if array.null_count else text


def _clock_text(array: pa.Array) -> pa.Array:
    return pc.utf8_replace_slice(array.cast(_TEXT), 10, 11, "T")


def _date_text(array: pa.Array) -> pa.Array:
    return array.cast(_TEXT)


def _within_years(array: pa.Array, per_second: float, zone: str, text_of: Any) -> pa.Array:
    """Text of the values in years of four digits as Arrow makes it; of the few others one by one."""
    kind = array.type
    raw = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    first, end = (int(bound * per_second) for bound in (_FIRST, _END))
    bounds = pc.min_max(raw)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    if least is None or (least >= first and most < end):
        return _suffixed(text_of(array), zone)
    values = _filled(raw).astype(np.int64)
    beyond = (values < first) | (values >= end)
    inside = np.where(beyond, 0, values).astype(np.int32 if kind.bit_width == 32 else np.int64)
    text = _suffixed(text_of(pa.array(inside).view(kind)), zone)
    odd = pa.array(_expanded(values[beyond], per_second, kind, zone), _TEXT)
    text = pc.replace_with_mask(text, pa.array(beyond), odd)
    return pc.if_else(array.is_valid(), text, pa.scalar(None, _TEXT)) if array.null_count else text


def _expanded(values: I64, per_second: float, kind: Any, zone: str) -> list[str]:
    """ISO 8601 of times in any year."""
    each = max(1, round(_DAY * per_second))
    days, rest = np.divmod(values, each)
    months = days.astype("M8[D]").astype("M8[M]")
    day = (days - months.astype("M8[D]").astype(np.int64) + 1).tolist()
    year, month = (part.tolist() for part in np.divmod(months.astype(np.int64), 12))
    dates = [
        f"{y + 1970:04d}-{m + 1:02d}-{d:02d}"
        if 0 <= y + 1970 <= 9999
        else f"{y + 1970:+07d}-{m + 1:02d}-{d:02d}"
        for y, m, d in zip(year, month, day, strict=True)
    ]
    if pa.types.is_date(kind):
        return dates
    clock = pa.time32(kind.unit) if kind.unit in ("s", "ms") else pa.time64(kind.unit)
    width = np.int32 if kind.unit in ("s", "ms") else np.int64
    times = pa.array(rest.astype(width)).view(clock).cast(pa.string()).to_pylist()
    return [f"{date}T{time}{zone}" for date, time in zip(dates, times, strict=True)]


def _suffixed(text: pa.Array, zone: str) -> pa.Array:
    if not zone:
        return text
    return pc.binary_join_element_wise(text, pa.scalar(zone, _TEXT), pa.scalar("", _TEXT))


def _filled(raw: pa.Array) -> Any:
    return np.asarray(pc.fill_null(raw, 0) if raw.null_count else raw)
