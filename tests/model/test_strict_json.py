from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.model.strict_json import loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
@settings(max_examples=50)
def test_what_json_writes_is_read(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert loads(data) == json.loads(data)


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":1,"a":2}', "NaN", "[Infinity]", "1e400", "1" * 21, "[" * 17 + "]" * 17]
)
def test_surprises(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text.encode())
