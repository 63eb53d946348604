from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.tables.json_text import json_text
from morpheus_gae.flows.tables.times import PER_SECOND
from tests.arrow_types import UNITS


def one(value: int | None, kind: Any) -> Any:
    column = pa.array([value], pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    return json.loads(json_text(pa.chunked_array([column]))[0].as_py(), parse_float=Decimal)


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-5000, 5000), st.sampled_from(UNITS))
def test_durations_are_milliseconds_to_the_last_digit(value: int, unit: str) -> None:
    assert one(value, pa.duration(unit)) == Decimal(value) * 1000 / PER_SECOND[unit]


@given(st.integers(-62_135_596_800, 253_402_300_799), st.sampled_from(["s", "ms", "us"]), st.booleans())
def test_times_are_iso_8601(seconds: int, unit: str, zoned: bool) -> None:
    value = seconds * PER_SECOND[unit] + PER_SECOND[unit] // 3
    text = one(value, pa.timestamp(unit, "Asia/Tokyo" if zoned else None))
    assert text.endswith("Z") is zoned
    found = dt.datetime.fromisoformat(text.removesuffix("Z")) - dt.datetime(1970, 1, 1)
    assert found // dt.timedelta(microseconds=1) == value * (10**6 // PER_SECOND[unit])


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(UNITS))
def test_times_of_any_year_are_told(value: int, unit: str) -> None:
    text = one(value, pa.timestamp(unit, "UTC"))
    year, month, day, clock = re.fullmatch(r"(\d{4}|[+-]\d{6,})-(\d\d)-(\d\d)T([\d:.]+)Z", text).groups()  # type: ignore[union-attr]
    # the calendar repeats itself every 400 years, which are 146,097 days
    era, rest = divmod(value // PER_SECOND[unit], 146_097 * 86_400)
    base = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=rest)
    assert (int(year), int(month), int(day)) == (base.year + 400 * era, base.month, base.day)
    assert clock.partition(".")[0] == base.strftime("%H:%M:%S")


@pytest.mark.parametrize(
    ("kind", "value", "want"),
    [
        (pa.date32(), 20_157, "2025-03-10"),
        (pa.date32(), 2_932_897, "+010000-01-01"),
        (pa.date32(), -719_529, "-000001-12-31"),
        (pa.date32(), -719_528, "0000-01-01"),
        (pa.date64(), 86_400_000, "1970-01-02"),
        (pa.time32("s"), 3_661, "01:01:01"),
        (pa.time64("ns"), 1, "00:00:00.000000001"),
        (pa.timestamp("s", "Nowhere/At all"), 0, "1970-01-01T00:00:00Z"),
        (pa.timestamp("ns"), None, None),
        (pa.duration("ns"), 1_500_000, Decimal("1.5")),
    ],
)
def test_dates_and_clocks(kind: Any, value: int | None, want: Any) -> None:
    assert one(value, kind) == want
