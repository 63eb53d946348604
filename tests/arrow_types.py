"""A column of every Arrow type, with nulls and the ends of its range, for whatever must take any of them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

LEAST, MOST = -(2**63), 2**63 - 1
UNITS = ("s", "ms", "us", "ns")
ROWS = 6


def _raw(values: list[int | None], kind: Any) -> pa.Array:
    """An array of a type that is whole numbers beneath."""
    width = kind.bit_width
    return pa.array(values, pa.int64() if width == 64 else pa.int32()).view(kind)


def _numbers() -> dict[str, pa.Array]:
    whole: dict[str, Any] = {
        f"{sign}int{bits}": pa.array(
            [0, None, 1, 2 ** (bits - 1) - 1, 100, 0 if sign else -(2 ** (bits - 1))],
            getattr(pa, f"{sign}int{bits}")(),
        )
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    }
    odd = [1.5, None, np.nan, np.inf, -np.inf, -0.0]
    fractions = {
        "halffloat": pa.array([None if v is None else np.float16(v) for v in odd], pa.float16()),
        "float": pa.array(odd, pa.float32()),
        "double": pa.array(odd, pa.float64()),
    }
    money = [Decimal("1.50"), None, Decimal("-0.01"), Decimal(0), Decimal("9999.99"), Decimal("1.10")]
    decimals = {
        "decimal128": pa.array(money, pa.decimal128(38, 2)),
        "decimal256": pa.array(money, pa.decimal256(76, 2)),
        "decimal_hundreds": pa.array([100, None, 200, 0, -300, 100], pa.decimal128(10, -2)),
    }
    for bits in (32, 64):
        if hasattr(pa, f"decimal{bits}"):
            decimals[f"decimal{bits}"] = pa.array(money, getattr(pa, f"decimal{bits}")(9, 2))
    return {**whole, **fractions, **decimals, "bool": pa.array([True, None, False, True, False, None])}


def _times() -> dict[str, pa.Array]:
    far = [0, None, 1_741_593_600_231, MOST, LEAST, -1]
    found: dict[str, pa.Array] = {
        "date32": _raw([0, None, 20_157, 2**31 - 1, -(2**31), -1], pa.date32()),
        "date64": _raw([0, None, 86_400_000 * 20_157, MOST, LEAST, -86_400_000], pa.date64()),
    }
    for unit in UNITS:
        found[f"timestamp_{unit}"] = _raw(far, pa.timestamp(unit))
        for zone in ("UTC", "Europe/Berlin", "+05:30", "Mars/Olympus"):
            found[f"timestamp_{unit}_{zone}"] = _raw(far, pa.timestamp(unit, zone))
        found[f"duration_{unit}"] = _raw(far, pa.duration(unit))
        time = pa.time32 if unit in ("s", "ms") else pa.time64
        most = 2**31 - 1 if unit in ("s", "ms") else MOST
        found[f"time_{unit}"] = _raw([0, None, 61_001, most, -most - 1, -1], time(unit))
    found["month_day_nano"] = pa.array([(1, 2, 3), None, (0, 0, 0), (-1, -2, -3), (12, 31, 10**9), (1, 1, 1)])
    return found


def _texts() -> dict[str, pa.Array]:
    words = ["plain", None, '=1+"2"\\\n', "", "\x1b[31m\x7f\x9b\u202e", "é\u2028😀"]
    raw = [b"\xff\x00", None, b"", b"plain", b"\x1b", b"\n"]
    return {
        "string": pa.array(words),
        "large_string": pa.array(words, pa.large_string()),
        "string_view": pa.array(words, pa.string_view()),
        "binary": pa.array(raw, pa.binary()),
        "large_binary": pa.array(raw, pa.large_binary()),
        "binary_view": pa.array(raw, pa.binary_view()),
        "fixed_binary": pa.array([b"\xff\x00", None, b"ab", b"\x1b[", b"\n\n", b"  "], pa.binary(2)),
        "null": pa.nulls(ROWS),
    }


def _nested(flat: dict[str, pa.Array]) -> dict[str, pa.Array]:
    found: dict[str, pa.Array] = {}
    for name in ("timestamp_ns_UTC", "duration_us", "date64", "time_us", "decimal128", "binary", "double"):
        inner = flat[name]
        found[f"struct_of_{name}"] = pa.StructArray.from_arrays([inner, flat["string"]], ["a", "=b"])
        found[f"list_of_{name}"] = pa.ListArray.from_arrays([0, 2, 2, 3, 4, 5, 6], inner)
        found[f"nested_{name}"] = pa.StructArray.from_arrays(
            [pa.ListArray.from_arrays([0, 1, 2, 3, 4, 5, 6], inner)], ["deep"]
        )
    values = flat["timestamp_us"]
    found["struct_null"] = pa.StructArray.from_arrays(
        [values], ["a"], mask=pa.array([False, True, False, False, True, False])
    )
    found["struct_empty"] = pa.array([{}, None, {}, {}, {}, {}], pa.struct([]))
    found["large_list"] = pa.LargeListArray.from_arrays([0, 2, 2, 3, 4, 5, 6], values)
    found["fixed_list"] = pa.FixedSizeListArray.from_arrays(pa.concat_arrays([values, values]), 2)
    starts, sizes = [0, 0, 1, 2, 3, 4], [2, 0, 1, 1, 1, 1]
    found["list_view"] = pa.ListViewArray.from_arrays(starts, sizes, values)
    found["large_list_view"] = pa.LargeListViewArray.from_arrays(starts, sizes, values)
    keys = pa.array(["a", "=b", "c", "d", "e", "f"])
    found["map"] = pa.MapArray.from_arrays([0, 2, 2, 3, 4, 5, 6], keys, values)
    codes = pa.array([0, 1, 0, 1, 0, 1], pa.int8())
    found["sparse_union"] = pa.UnionArray.from_sparse(codes, [values, keys])
    places = pa.array([0, 0, 1, 1, 2, 2], pa.int32())
    found["dense_union"] = pa.UnionArray.from_dense(codes, places, [values, keys])
    at = pa.array([0, None, 1, 0, 2, 1], pa.int8())
    for name in ("string", "timestamp_ns", "duration_ms", "decimal128", "string_view"):
        words = flat[name][2:5]
        found[f"dictionary_of_{name}"] = pa.DictionaryArray.from_arrays(at, words)
        found[f"run_ends_of_{name}"] = pa.RunEndEncodedArray.from_arrays(
            pa.array([2, 3, 6], pa.int32()), words
        )
    found["dictionary_of_struct"] = pa.DictionaryArray.from_arrays(at, found["struct_of_date64"][2:5])
    ids = pa.array(
        [uuid.UUID(int=1).bytes, None, *(bytes([i]) * 16 for i in (2, 27, 61, 120))], pa.binary(16)
    )
    found["extension_of_binary"] = pa.ExtensionArray.from_storage(Labelled(ids.type), ids)
    found["extension_of_timestamp"] = pa.ExtensionArray.from_storage(Labelled(values.type), values)
    if hasattr(pa, "uuid"):
        found["uuid"] = pa.ExtensionArray.from_storage(pa.uuid(), ids)
    return found


class Labelled(pa.ExtensionType):
    """A type of somebody else's."""

    def __init__(self, storage: Any) -> None:
        super().__init__(storage, "tests.labelled")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> Any:
        return cls(storage)


_FLAT = {**_numbers(), **_times(), **_texts()}
COLUMNS: dict[str, pa.Array] = {**_FLAT, **_nested(_FLAT)}
"""Name -> six values, the second of which is null where the type allows it."""
