"""Texts become the numbers that the host reads, to the last bit, and lines are counted as what they are."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("pandas")

from morpheus_gae.flows.readers.cudf_lines import flat_objects, typed
from morpheus_gae.flows.readers.cudf_values import Maker
from tests.fake_cudf import fake_cudf, from_arrow

decimal = st.from_regex(r"\A(0|[1-9][0-9]{0,9})\.[0-9]{1,8}\Z").filter(lambda text: len(text) <= 16)


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(
        st.one_of(decimal, st.sampled_from(("", "-1.5", "1e3", "1.", "00.5", "nan", "x"))), min_size=1
    )
)
def test_decimals_are_rounded_once(words: list[str]) -> None:
    with fake_cudf() as package:
        frame = from_arrow(pa.table({"a": words}))
        found = typed(Maker(frame, package), frame["a"], pa.float64(), ("",), False)
        values = pa.array(found.series.array).to_pylist()
    plain = [word[:1].isdigit() and "e" not in word and word not in ("1.", "00.5") for word in words]
    assert values == [float(word) if fine else None for word, fine in zip(words, plain, strict=True)]
    assert found.odd.tolist() == [not fine and word != "" for word, fine in zip(words, plain, strict=True)]


def test_integers_fit_or_are_odd() -> None:
    words = ["0", "-7", "9223372036854775807", "8999999999999999999", "-0", "007", "1.0", "", "-"]
    with fake_cudf() as package:
        frame = from_arrow(pa.table({"a": words}))
        found = typed(Maker(frame, package), frame["a"], pa.int64(), ("", "-"), False)
        assert pa.array(found.series.array).to_pylist() == [
            *(0, -7, None, 8_999_999_999_999_999_999),
            *[None] * 5,
        ]
    assert found.odd.tolist() == [False, False, True, False, True, True, True, False, False]


def counted(line: str) -> tuple[int, int]:
    data = np.frombuffer(line.encode(), np.uint8)
    keys, texts = np.zeros((2, 1), np.int64)
    flat_objects(data, np.array([0]), np.array([len(data)]), keys, texts)
    return int(keys[0]), int(texts[0])


@given(
    st.dictionaries(
        st.text("abc:,{}", max_size=3), st.one_of(st.integers(), st.text("xy:{}[], é", max_size=4))
    )
)
def test_objects_are_counted(record: dict[str, object]) -> None:
    texts = sum(isinstance(value, str) for value in record.values())
    for line in (
        json.dumps(record, ensure_ascii=False),
        " " + json.dumps(record, ensure_ascii=False, indent=0).replace("\n", "\t"),
    ):
        assert counted(line) == ((len(record), texts) if record else (-1, 0))


@pytest.mark.parametrize(
    "line",
    [
        '{"a":[1]}',
        '{"a":{"b":1}}',
        '{"a":1,}',
        '{"a":1',
        '{"a":"\\n"}',
        '{"a":1} {"b":2}',
        '{"a":1}x',
        'x{"a":1}',
        "{}",
    ],
)
def test_other_lines_are_none(line: str) -> None:
    assert counted(line)[0] == -1
