"""Columns of every Arrow type: what a file may hold where addresses, counters or times should be."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

ROWS = 6

_V4 = ["10.0.0.1", "192.0.2.7", "::ffff:10.0.0.2", "2001:db8::1", "x", None]
_BROKEN = [b"\xff\xfe", b"192.0.2.1", b"\xed\xa0\x80", None, b"", b"10.0.0.\xff"]
_SMALL = [0, 1, 2, 3, None, 100]
_TIME = datetime.datetime(2023, 11, 14, 22, 13, 20, 500_000)


def columns() -> dict[str, Any]:
    """Arrays of ``ROWS`` rows by a name for each; types that this version of Arrow lacks are left out."""
    out: dict[str, Any] = {}
    for name, make in _all():
        try:
            array = make()
        except (pa.ArrowException, AttributeError, TypeError, ValueError):
            continue
        out[name] = array
    return out


def _all() -> Iterator[tuple[str, Any]]:
    yield from _texts()
    yield from _numbers()
    yield from _times()
    yield from _nested()


def _texts() -> Iterator[tuple[str, Any]]:
    for kind in ("string", "large_string", "string_view", "binary", "large_binary", "binary_view"):
        yield (
            kind,
            lambda kind=kind: pa.array([v and v.encode() for v in _V4]).cast(pa.binary()).cast(_type(kind)),
        )
    for kind in ("string", "large_string"):
        # bytes that are no text, in a column that says it is
        yield (
            f"{kind} not utf-8",
            lambda kind=kind: _relabelled(
                pa.array(_BROKEN, _type(kind.replace("string", "binary"))), _type(kind)
            ),
        )
    yield (
        "string_view not utf-8",
        lambda: _relabelled(pa.array(_BROKEN, _type("binary_view")), _type("string_view")),
    )
    yield "digits", lambda: pa.array(["0", "1", " 2 ", "-3", "1e400", None])
    yield "long digits", lambda: pa.array(["1" * 40, "18446744073709551616", "NaN", "", "-", "0x10"])
    yield "times", lambda: pa.array(["2023-11-14 22:13:20", "0000-00-00", "99999-01-01", "", "x", None])
    yield "empty", lambda: pa.array([""] * ROWS)
    yield "nul", lambda: pa.array(["\x00", "a\x00b", "1\x00", "\x00" * 90, "\x1b[2J", "=1+1"])
    for index in (pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()):
        yield (
            f"dictionary {index}",
            lambda index=index: pa.array(_V4).dictionary_encode().cast(pa.dictionary(index, pa.string())),
        )
    yield (
        "dictionary with null",
        lambda: pa.DictionaryArray.from_arrays(
            pa.array([0, 1, None, 1, 2, 0], pa.int8()), pa.array(["10.0.0.1", None, "10.0.0.1"])
        ),
    )
    yield (
        "dictionary not utf-8",
        lambda: pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 2, 3, 4, 5], pa.int8()), _relabelled(pa.array(_BROKEN, "binary"), pa.string())
        ),
    )
    yield (
        "dictionary of numbers",
        lambda: pa.DictionaryArray.from_arrays(
            pa.array([0, 1, None, 1, 2, 0], pa.int8()), pa.array([1, -5, None])
        ),
    )
    yield (
        "dictionary without words",
        lambda: pa.DictionaryArray.from_arrays(pa.nulls(ROWS, pa.int8()), pa.array([], pa.string())),
    )
    yield (
        "dictionary of dictionary",
        lambda: pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 0, 1, 0, 1], pa.int8()), pa.array(["a", "10.0.0.1"]).dictionary_encode()
        ),
    )
    for width in (4, 16, 0, 7):
        yield (
            f"fixed binary {width}",
            lambda width=width: pa.array([b"\x0a" * width] * (ROWS - 1) + [None], pa.binary(width)),
        )


def _numbers() -> Iterator[tuple[str, Any]]:
    for kind in (
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
    ):
        yield kind, lambda kind=kind: pa.array(_SMALL, kind)
    yield "float16", lambda: pa.array(np.array([0, 1, 2, 3, np.nan, 6e4], np.float16))
    yield "negative", lambda: pa.array([-1, 0, -(2**63), 5, None, -7], pa.int64())
    yield "huge", lambda: pa.array([2**64 - 1, 2**63, 2**53 + 1, 0, None, 1], pa.uint64())
    yield "odd floats", lambda: pa.array([float("nan"), float("inf"), -float("inf"), -0.0, 1e308, 5e-324])
    yield (
        "decimal128",
        lambda: pa.array(
            [decimal.Decimal("1.50"), None, *[decimal.Decimal(i) for i in range(4)]], pa.decimal128(38, 2)
        ),
    )
    yield (
        "decimal256",
        lambda: pa.array(
            [decimal.Decimal(10**40), None, *[decimal.Decimal(-i) for i in range(4)]], pa.decimal256(70, 0)
        ),
    )
    yield "decimal32", lambda: pa.array([decimal.Decimal(1)] * ROWS, pa.decimal32(9, 0))
    yield "bool", lambda: pa.array([True, False, None, True, False, True])
    yield "null", lambda: pa.nulls(ROWS)
    yield "no value", lambda: pa.nulls(ROWS, pa.int64())


def _times() -> Iterator[tuple[str, Any]]:
    for unit in ("s", "ms", "us", "ns"):
        for zone in (None, "UTC", "Europe/Berlin", "Nowhere/None"):
            yield (
                f"timestamp {unit} {zone}",
                lambda unit=unit, zone=zone: pa.array(
                    [_TIME, None, _TIME, _TIME, _TIME, _TIME], pa.timestamp(unit)
                ).cast(pa.timestamp(unit, zone)),
            )
        yield f"duration {unit}", lambda unit=unit: pa.array([0, 1, -1, 2**40, None, 5], pa.duration(unit))
    yield (
        "far timestamp",
        lambda: pa.array([2**63 - 1, -(2**63) + 1, 0, None, 10**17, 1], pa.int64()).view(pa.timestamp("s")),
    )
    yield (
        "far duration",
        lambda: pa.array([2**63 - 1, -(2**63), 0, None, 10**17, 1], pa.int64()).view(pa.duration("s")),
    )
    yield "date32", lambda: pa.array([0, -1, 2**31 - 1, None, 19675, 1], pa.int32()).view(pa.date32())
    yield "date64", lambda: pa.array([0, -1, 2**62, None, 86_400_000, 1], pa.int64()).view(pa.date64())
    yield "time32", lambda: pa.array([0, 1, 2**31 - 1, None, -5, 1], pa.int32()).view(pa.time32("s"))
    yield "time64", lambda: pa.array([0, 1, 2**62, None, -5, 1], pa.int64()).view(pa.time64("ns"))
    yield "interval", lambda: pa.array([(1, 2, 3)] * (ROWS - 1) + [None], pa.month_day_nano_interval())


def _nested() -> Iterator[tuple[str, Any]]:
    yield "list", lambda: pa.array([["10.0.0.1"], [], None, ["a", None], ["b"], [None]])
    yield "lists alike", lambda: pa.array([["10.0.0.1"]] * ROWS)
    yield "large list", lambda: pa.array([[1], [], None, [2, 3], [4], [5]], pa.large_list(pa.int64()))
    yield "fixed list", lambda: pa.array([[1, 2]] * (ROWS - 1) + [None], pa.list_(pa.int8(), 2))
    yield "list view", lambda: pa.array([[1], [], None, [2, 3], [4], [5]], pa.list_view(pa.int64()))
    yield (
        "list of structs",
        lambda: pa.array([[{"a": 1}], [], None, [{"a": None}, {"a": 2}], [None], [{"a": 3}]]),
    )
    yield (
        "struct",
        lambda: pa.array(
            [
                {"start": 1, "bytes": 2},
                None,
                {"start": None, "bytes": 3},
                {"start": 4, "bytes": None},
                {"start": 5, "bytes": 6},
                {},
            ]
        ),
    )
    yield "structs without null", lambda: pa.array([{"ip": "10.0.0.1", "port": i} for i in range(ROWS)])
    yield "struct without fields", lambda: pa.array([{}] * ROWS, pa.struct([]))
    yield (
        "struct of twins",
        lambda: pa.StructArray.from_arrays([pa.array(range(ROWS)), pa.array(["x"] * ROWS)], ["a", "a"]),
    )
    yield "struct of struct", lambda: pa.array([{"a": {"b": {"c": ["x"]}}}] * (ROWS - 1) + [None])
    yield (
        "map",
        lambda: pa.array(
            [[("a", 1)], [], None, [("b", None)], [("a", 1), ("a", 2)], []], pa.map_(pa.string(), pa.int64())
        ),
    )
    yield (
        "sparse union",
        lambda: pa.UnionArray.from_sparse(
            pa.array([0, 1, 0, 1, 0, 1], pa.int8()), [pa.array(range(ROWS)), pa.array(["x"] * ROWS)]
        ),
    )
    yield (
        "dense union",
        lambda: pa.UnionArray.from_dense(
            pa.array([0, 1, 0, 1, 0, 1], pa.int8()),
            pa.array([0, 0, 1, 1, 2, 2], pa.int32()),
            [pa.array(range(3)), pa.array(["x"] * 3)],
        ),
    )
    yield (
        "run ends",
        lambda: pa.RunEndEncodedArray.from_arrays(
            pa.array([2, 4, ROWS], pa.int32()), pa.array(["10.0.0.1", None, "10.0.0.2"])
        ),
    )
    yield (
        "run ends of numbers",
        lambda: pa.RunEndEncodedArray.from_arrays(pa.array([2, 4, ROWS], pa.int32()), pa.array([1, None, 3])),
    )
    yield (
        "uuid",
        lambda: pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16] * ROWS, pa.binary(16))),
    )
    yield "json", lambda: pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}'] * ROWS))
    yield "opaque", lambda: pa.ExtensionArray.from_storage(pa.opaque(pa.string(), "a", "b"), pa.array(_V4))
    yield "bool8", lambda: pa.ExtensionArray.from_storage(pa.bool8(), pa.array(_SMALL, pa.int8()))
    yield (
        "tensor",
        lambda: pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.int32(), [2]), pa.array([[1, 2]] * ROWS, pa.list_(pa.int32(), 2))
        ),
    )


def _type(name: str) -> Any:
    return getattr(pa, name)()


def _relabelled(array: Any, kind: Any) -> Any:
    """The same buffers under another type."""
    return pa.Array.from_buffers(kind, len(array), array.buffers())
