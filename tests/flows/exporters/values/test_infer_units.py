from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest

from morpheus_gae.flows.exporters.values.infer_units import length_unit, time_unit

SECONDS = 1_700_000_000
MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([SECONDS], "s"),
        ([SECONDS + 0.5], "s"),
        ([None, SECONDS * 1000], "ms"),
        ([0, SECONDS * 10**6], "us"),
        ([SECONDS * 10**9], "ns"),
        ([str(SECONDS)], "s"),
        ([f"{SECONDS}.500000"], "s"),
        ([f"{SECONDS}500"], "ms"),
        (["2023-11-14 22:13:20"], "text without a zone, taken as UTC"),
        (["2023-11-14T22:13:20.5"], "text without a zone, taken as UTC"),
        (["14/11/2023 22:13:20"], "text without a zone, taken as UTC"),
        (["2023-11-14T22:13:20Z"], "text with a zone"),
        (["2023-11-14 22:13:20+0100"], "text with a zone"),
        ([MOMENT], "timestamp"),
        ([MOMENT.replace(tzinfo=None)], "timestamp without a zone, taken as UTC"),
        ([None, None], ""),
        (["-", ""], ""),
        ([0], ""),
    ],
)
def test_times(values: list[Any], unit: str) -> None:
    assert time_unit(pa.chunked_array([pa.array(values)])) == unit


def test_words_of_a_dictionary() -> None:
    assert time_unit(pa.chunked_array([pa.array([str(SECONDS)]).dictionary_encode()])) == "s"


def test_lengths() -> None:
    assert [length_unit(size) for size in (1e-6, 1e-3, 1, 1000, 6e4, 7)] == [
        "ns",
        "us",
        "ms",
        "s",
        "min",
        "7 ms",
    ]
