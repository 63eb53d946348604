"""Whatever JSON values records carry, nothing crashes and what is extra comes back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.bad import Reason
from tests.flows.made_files import NAMES, read_bytes, reasons, record

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["1", "1.5", "2024-01-01", "2024-01-01T00:00:00Z", "10.0.0.1", "\ud800", "\x00", "null"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
SIZES = st.sampled_from([64, 700, 1 << 20])


def writable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def matches(found: Any, given: Any) -> bool:
    """Equal, where missing keys and wider numbers count as equal; or the JSON text of it."""
    if isinstance(found, str) and not isinstance(given, str):
        if given is None:
            return False
        try:
            return matches(json.loads(found), given)
        except ValueError:
            return False
    if isinstance(given, dict) and isinstance(found, dict):
        return all(matches(found.get(k), given.get(k)) for k in {*found, *given})
    if isinstance(given, list) and isinstance(found, list):
        return len(given) == len(found) and all(map(matches, found, given))
    if isinstance(given, bool) or isinstance(found, bool):
        return given is found
    # whole numbers beyond 64 bits, or among fractions, are rounded as JSON readers do
    return bool(found == given or (isinstance(found, float) and found == float(given)))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.dictionaries(st.sampled_from(["x", "y", ""]), VALUES), min_size=1, max_size=8), SIZES)
def test_extra_values_come_back(extras: list[dict[str, Any]], block: int) -> None:
    rows = [record(i, **extra) for i, extra in enumerate(extras)]
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(json.dumps(row) + "\n" for row in [record(0), *rows])
        flows, bad = read_bytes(Path(folder), "a.ndjson", text, block_bytes=block)
    good = [row for row in [record(0), *rows] if writable(row)]
    assert {record.reason for record in bad} <= {Reason.ENCODING}
    assert len(flows) == len(good)
    for found, row in zip(flows.table.to_pylist(), good, strict=True):
        for name in {*found, *row}:
            assert matches(found.get(name), row.get(name)), name


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=1, max_size=8), SIZES)
def test_any_value_in_a_known_column_is_judged(changes: list[tuple[str, Any]], block: int) -> None:
    rows = [record(i, **{name: value}) for i, (name, value) in enumerate(changes)]
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(json.dumps(row) + "\n" for row in [record(0), *rows, record(9)])
        flows, bad = read_bytes(Path(folder), "a.ndjson", text, block_bytes=block)
    assert len(flows) + len(bad) == len(rows) + 2
    assert flows.rows[0] == 0
    assert flows.rows[-1] == len(rows) + 1
    assert sorted([*flows.rows.tolist(), *(b.row for b in bad)]) == list(range(len(rows) + 2))


@pytest.mark.parametrize("block", [64, 1 << 20])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("null", Reason.BROKEN_JSON),
        ("true", Reason.BROKEN_JSON),
        ('{"x":' * 100 + "1" + "}" * 100, Reason.BROKEN_JSON),
        ('{"x":' * 100_000 + "1" + "}" * 100_000, Reason.BROKEN_JSON),
        ('{"x":' + "[" * 100_000 + "]" * 100_000 + "}", Reason.BROKEN_JSON),
        ("\t" + '"[' * 100_000, Reason.BROKEN_JSON),
        (json.dumps(record(1, x="\ud800")), Reason.ENCODING),
        ('{"IN_BYTES": 1, "IN_BYTES": 2}', Reason.ADDRESS),
        ('{"IN_BYTES": ' + "9" * 5000 + "}", Reason.ADDRESS),
        ("{}\rnull", Reason.BROKEN_JSON),
    ],
    ids=lambda value: str(value)[:16],
)
def test_lines_that_end_a_careless_parser(
    tmp_path: Path, line: str, reason: Reason, first: bool, block: int
) -> None:
    """A line of its own must not end the process; neighbours stay."""
    good = json.dumps(record(0)) + "\n"
    text = (line + "\n" + good) if first else (good + line + "\n" + good)
    flows, bad = read_bytes(tmp_path, "a.ndjson", text, block_bytes=block)
    assert len(flows) == 2 - first
    assert [(b.reason, b.row) for b in bad] == [(reason, 1 - first)]


def test_a_spread_array_of_odd_things(tmp_path: Path) -> None:
    rows: list[Any] = [record(0), None, 3, "x", [], {}, record(1), [record(2)], record(3)]
    for text in (json.dumps(rows), json.dumps(rows, indent=1)):
        flows, bad = read_bytes(tmp_path, "a.json", text)
        assert flows.table["IN_BYTES"].to_pylist() == [100, 101, 103]
        assert reasons(bad) == {"broken_json": 5, "unparsable_address": 1}
