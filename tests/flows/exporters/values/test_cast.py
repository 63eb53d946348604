from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.exporters.values.cast import (
    durations,
    find,
    first,
    less,
    one_of,
    paced,
    ports,
    protocols,
    ratio,
    times,
)
from morpheus_gae.flows.exporters.values.kernels import NO_TIME

SECONDS = 1_700_000_000


def column(values: list[object], kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


@pytest.mark.parametrize("factor", [1, 1000, 10**6, 10**9])
@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.decimal128(30, 3)])
def test_the_size_of_a_number_tells_its_unit(factor: int, kind: pa.DataType) -> None:
    given_ = pa.chunked_array([pa.array([SECONDS * factor, None]).cast(kind, safe=False)])
    assert times(given_).tolist() == [SECONDS * 10**6, NO_TIME]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000.25", SECONDS + 0.25),
        ("1.70000000025e+12", SECONDS + 0.25),
        ("1.70000000025E9", SECONDS + 0.25),
        ("2023-11-14 22:13:20", SECONDS),
        ("2023/11/14 22:13:20.125", SECONDS + 0.125),
        ("2023-11-14T22:13:20.5Z", SECONDS + 0.5),
        ("2023-11-14T22:13:20.123456789Z", SECONDS + 0.123456),
        ("2023-11-14T23:13:20+0100", SECONDS),
        ("2023-11-14T17:13:20-05:00", SECONDS),
        ("2023-11-15T03:43:20+05:30", SECONDS),
        (" 2023-11-14 22:13:20 UTC ", SECONDS),
        ("1970-01-01 00:00:01", 1),
        ("2000-02-29 00:00:00", 951_782_400),
        # the day first
        ("14/11/2023 22:13:20", SECONDS),
        ("14/11/2023 22:13:20.125", SECONDS + 0.125),
        ("14/11/2023 10:13:20 PM", SECONDS),
        ("14/11/2023 10:13:20 am", SECONDS - 12 * 3600),
        ("14/11/2023 12:13:20 AM", SECONDS - 22 * 3600),
        ("14/11/2023 22:13", SECONDS - 20),
        (" 5/7/2017 8:55 ", 1_499_244_900),
        ("05/7/2017T08:55:58", 1_499_244_958),
        ("14/11/2023", SECONDS - SECONDS % 86_400),
    ],
)
def test_times_as_text(text: str, seconds: float) -> None:
    assert times(column([None, text])).tolist() == [NO_TIME, round(seconds * 10**6)]


NO_TIMES = [
    *("", "-", "0", "0.000000", "0000-00-00 00:00:00", "0000-00-00T00:00:00-00:00", "soon", "1.5s", "-5"),
    *("2023-13-01 00:00:00", "2023-11-14", "2023-11-14 25:00:00", "2023-11-14T22:13:20+1"),
    *(
        "2023-11-14 22:13",
        "2023-11-14-22:13:20",
        *(
            "14/13/2023 22:13:20",
            "32/11/2023 22:13:20",
            "14/11/23 22:13:20",
            "14/11/2023 24:13:20",
            "14/11/20233",
        ),
        *(
            "14/11/2023 22:13:20 PM",
            "14/11/2023 0:13 AM",
            "14/11/2023 22",
            "14/11/2023 22:1",
            "1//2023 22:13:20",
        ),
        "2023-1x-14 22:13:20",
        "2023-11-14 22:13:20 CET",
        "99999999999999999999999",
    ),
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time(text: str) -> None:
    assert times(column([text])).tolist() == [NO_TIME]


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)
def test_any_date_is_the_one_it_says(when: datetime, east: int, mark: str) -> None:
    zoned = when.replace(tzinfo=timezone(timedelta(minutes=east)))
    want = (zoned - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
    assert times(column([zoned.isoformat(mark)])).tolist() == [want]


def test_times_in_slices_of_a_column() -> None:
    values = ["2023-11-14 22:13:20", None, "1700000001", "x"]
    whole = pa.chunked_array(
        [pa.array(["y", *values]).slice(1), pa.array(values, pa.large_string())[1:].cast("string")]
    )
    want = [SECONDS * 10**6, NO_TIME, (SECONDS + 1) * 10**6, NO_TIME]
    assert times(whole).tolist() == want + want[1:]
    assert times(column(values).dictionary_encode()).tolist() == want
    assert times(column([True])).tolist() == [NO_TIME]
    assert times(column([None])).tolist() == [NO_TIME]


def test_ports() -> None:
    given_ = [
        *("0", "443", "65535", "65536", "0x0303", "0xFFFF", "0x", "0xfffff", ""),
        *(None, "http", "-1", "1234567", "80.0"),
    ]
    want = [0, 443, 65535, None, 0x303, 0xFFFF, None, None, None, None, None, None, None, 80]
    assert ports(column(given_)).to_pylist() == want
    assert ports(column(given_).dictionary_encode()).to_pylist() == want
    assert ports(column([443, None])).to_pylist() == [443, None]
    assert ports(column([443.0, None, float("nan")])).to_pylist() == [443, None, None]


def test_protocols() -> None:
    given_ = ["tcp", "UDP", " icmp ", "IPv6-ICMP", "006", "17", "999", "arp", "", None, "T", "6.0"]
    want = [6, 17, 1, 58, 6, 17, None, None, None, None, 6, 6]
    assert protocols(column(given_)).to_pylist() == want
    assert protocols(column(given_).dictionary_encode()).to_pylist() == want
    assert protocols(column([6, None])).to_pylist() == [6, None]
    assert protocols(column([6.0])).to_pylist() == [6]


def test_durations() -> None:
    told = durations(column([2.25, None, 0.1]), 1000).to_pylist()
    assert told == [2250.0, None, 100.0]
    told = durations(column(["5", "soon", ""]), 1e-6).to_pylist()
    assert told[0] == 5e-06
    assert np.isnan(told[1])
    assert told[2] is None


def test_the_first_that_has_a_value() -> None:
    assert first([column([1, None]), column([7, 8])]).to_pylist() == [1, 8]
    assert first([column([None, None]), column(["a", "b"])]).to_pylist() == ["a", "b"]
    assert first([column([1, None]), column(["a", "2"])]).to_pylist() == ["1", "2"]
    assert first([column([1, None]), column(["3", "2"])]).to_pylist() == [1, 2]
    assert first([column([1, None]), column([None, None])]).to_pylist() == [1, None]


def test_what_a_part_leaves() -> None:
    assert less(column([10, 5, None]), column([4, 7, 1])).to_pylist() == [6, -2, None]
    left = less(column(["10", "x", None]), column([4, 7, 1])).to_pylist()
    assert left[0] == 6
    assert np.isnan(left[1])
    assert left[2] is None


def test_paths() -> None:
    table = pa.Table.from_pylist(
        [{"a.b": 1, "a": {"b": 2, "c.d": {"e": 3}, "x": None}}, {"a.b": 4, "a": None}], schema=None
    )
    assert find(table, "a.b").to_pylist() == [1, 4]
    assert find(table, "a.c.d.e").to_pylist() == [3, None]
    assert find(table, "a.nothing") is None
    assert find(table, "nothing") is None
    assert find(table, "a.b.c") is None


def test_words() -> None:
    assert one_of(column([" <-", "<->", None]), ("<-", "<?")).tolist() == [True, False, False]
    assert one_of(column([2, 1, None]), ("2",)).tolist() == [True, False, False]
    assert one_of(column([None]), ("2",)).tolist() == [False]
    # numbers are fractions where one of their column is
    assert one_of(column([2.0, 2.5, None]), ("2",)).tolist() == [True, False, False]


def test_the_unit_of_a_length_is_what_the_pace_tells() -> None:
    lengths = durations(column([2.25, 2_250_000.0, 0, 0.5, 3.0, None, 1e-3]), 1e-3)
    pace = column([4.0, 4.0, 0, None, None, 4.0, 2000.0])
    packets = [column([5, 5, 5, 5, 5, 5, 1]), column([4, 4, 4, 4, 4, 4, 1])]
    assert paced(lengths, pace, packets).to_pylist() == [2250, 2250, 0, 500, 0.003, None, 1]


def test_ratios_of_packets_looked_at_and_left_out() -> None:
    looked, left = column([1, 1, 10, 0, None, 1, 1]), column([999, 0, 90, 9, 9, None, -5])
    assert ratio(looked, left).to_pylist() == [1000, 1, 10, None, None, None, None]
