"""Values of exporters' columns in the units and types of the canonical ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.flows.exporters.values.kernels import (
    NO_TIME,
    real_times,
    text_ports,
    text_times,
    whole_times,
)
from morpheus_gae.flows.tables.concat import as_text
from morpheus_gae.flows.tables.numbers import numbers

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Column = Any
"""A pyarrow.ChunkedArray of E values."""

MOST_SAMPLED = 2.0**32
"""No packet in more than so many is looked at anywhere: larger rates are damage."""

#: IANA protocol numbers by the names that exporters write, in lower case.
PROTOCOLS = {
    "hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipip": 4, "ipencap": 4, "ip-in-ip": 4, "st": 5, "tcp": 6,
    "t": 6, "egp": 8, "igp": 9, "udp": 17, "u": 17, "dccp": 33, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44,
    "rsvp": 46, "gre": 47, "esp": 50, "ipsec-esp": 50, "ah": 51, "ipsec-ah": 51, "ipv6-icmp": 58, "icmp6": 58,
    "icmpv6": 58, "ipv6-nonxt": 59, "ipv6-no": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "ospfigp": 89,
    "etherip": 97, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132, "fc": 133,
    "udplite": 136, "mpls-in-ip": 137,
}  # fmt: skip


def find(table: pa.Table, path: str) -> Column | None:
    """The column of a path: of that name, or a field inside a column, or None."""
    if path in table.column_names:
        return table[path]
    for head, rest in _splits(path):
        if head in table.column_names:
            found = _inside(table[head], rest)
            if found is not None:
                return found
    return None


def _inside(column: Column, path: str) -> Column | None:
    kind = column.type
    if not pa.types.is_struct(kind):
        return None
    at = kind.get_field_index(path)
    if at >= 0:
        return pc.struct_field(column, at)
    for head, rest in _splits(path):
        at = kind.get_field_index(head)
        found = _inside(pc.struct_field(column, at), rest) if at >= 0 else None
        if found is not None:
            return found
    return None


def _splits(path: str) -> Iterator[tuple[str, str]]:
    """Every way to take a path apart at one of its dots."""
    at = path.find(".")
    while at >= 0:
        yield path[:at], path[at + 1 :]
        at = path.find(".", at + 1)


def first(columns: list[Column]) -> Column:
    """Row by row the first of some columns that has a value."""
    column = columns[0]
    for other in columns[1:]:
        if column.null_count == 0:
            break
        if pa.types.is_null(column.type):
            column = other
        elif column.type == other.type:
            column = pc.coalesce(column, other)
        elif not pa.types.is_null(other.type):
            try:
                column = pc.coalesce(column, other.cast(column.type))
            except pa.ArrowException:
                column = pc.coalesce(as_text(column), as_text(other))
    return column


def times(column: Column) -> I64:
    """Times as int64 [E] microseconds since 1970, ``NO_TIME`` where there is none.

    Parameters
    ----------
    column
        Times, text (with a zone, or taken as UTC), or numbers whose size tells their unit: below 1e11
        seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds. 0 is no time.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return times(column.cast(kind.value_type))
    out = np.full(len(column), NO_TIME, np.int64)
    if pa.types.is_timestamp(kind):
        micros = column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        known = _known(micros)
        out[known] = np.asarray(pc.fill_null(micros, 0))[known]
    elif pa.types.is_integer(kind):
        known = _known(column)
        whole_times(np.asarray(pc.fill_null(column, 0)), known, out)
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.float64(), safe=False)
        real_times(np.asarray(pc.fill_null(column, 0.0)), _known(column), out)
    elif _is_text(kind):
        start = 0
        for chunk in column.chunks:
            text_times(*_text(chunk), out[start : start + len(chunk)])
            start += len(chunk)
    return out


def ports(column: Column) -> Column:
    """Ports as whole numbers; text may be hexadecimal, as Argus writes ICMP; null for what is none."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return ports(column.cast(kind.value_type))
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return column
    if not _is_text(kind):
        values, absent, misfit = numbers(column)
        none = absent | misfit | (values < 0) | (values > 65_535)
        return pa.chunked_array([pa.array(np.where(none, 0, values).astype(np.int32), mask=none)])
    out = np.empty(len(column), np.int32)
    start = 0
    for chunk in column.chunks:
        text_ports(*_text(chunk), out[start : start + len(chunk)])
        start += len(chunk)
    return pa.chunked_array([pa.array(out, mask=out < 0)])


def protocols(column: Column) -> Column:
    """Protocols as IANA numbers; names and numbers may be text; null for what is unknown."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return column
    if not (_is_text(kind) or pa.types.is_dictionary(kind)):
        return ports(column)
    chunks = []
    for chunk in column.chunks:
        words = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        numbered = pa.array([_protocol(word) for word in words.dictionary.to_pylist()], pa.int32())
        chunks.append(numbered.take(words.indices))
    return pa.chunked_array(chunks, pa.int32())


def _protocol(word: Any) -> int | None:
    # a float among words is written with its point
    text = str(word).strip().lower().removesuffix(".0")
    if text.isascii() and text.isdigit():
        return int(text) if int(text) < 256 else None
    return PROTOCOLS.get(text)


def durations(column: Column, unit: float) -> Column:
    """Durations in milliseconds, from a column in a unit of so many; what is no number stays one."""
    if unit == 1:
        return column
    values, absent, misfit = numbers(column)
    # to a nanosecond: 0.1 s is 100 ms and not 100.00000000000001
    scaled = np.round(values * unit, 6)
    return pa.chunked_array([pa.array(np.where(misfit, np.nan, scaled), mask=absent)])


def paced(lengths: Column, pace: Column, packets: list[Column]) -> Column:
    """Milliseconds again, of lengths that were read as microseconds and may have been seconds.

    Parameters
    ----------
    lengths
        Milliseconds, if the unit is microseconds.
    pace
        Packets a second: with ``packets`` it tells how many seconds there were. A row that has none counts as
        seconds if its microseconds are no whole number.
    packets
        Of each direction.
    """
    values, absent, misfit = numbers(lengths)
    rate, _, _ = numbers(pace)
    count = sum((numbers(column)[0] for column in packets), np.zeros(len(values)))
    micros = values * 1000
    known = (rate > 0) & (count > 0)
    seconds = np.where(known, count / np.where(known, rate, 1), 0)
    # between a second and a microsecond lie six orders of magnitude: nearer to which?
    in_seconds = np.where(known, micros < 1000 * seconds, np.abs(micros - np.round(micros)) > 1e-3)
    out = np.where(in_seconds, np.round(micros * 1000, 6), values)
    return pa.chunked_array([pa.array(np.where(misfit, np.nan, out), mask=absent)])


def above_0(column: Column) -> Column:
    """The column with null for 0."""
    values, absent, misfit = numbers(column)
    zero = (values == 0) & ~absent & ~misfit
    return pc.if_else(pa.array(zero), pa.scalar(None, column.type), column) if zero.any() else column


def ratio(looked: Column, left: Column) -> Column:
    """Sampling rates, float64 [E], of packets looked at in a row and left out after them; null if unknown."""
    (a, no_a, not_a), (b, no_b, not_b) = numbers(looked), numbers(left)
    known = ~(no_a | not_a | no_b | not_b) & (a > 0) & (b >= 0)
    return pa.chunked_array([pa.array((a + b) / np.where(known, a, 1), mask=~known)])


def multiplied(column: Column, rate: Column) -> Column:
    """Counters times the sampling rate; a rate that is absent, 0 or 1 changes nothing."""
    rates, _, _ = numbers(rate)
    if (rates <= 1).all():
        return column
    factor = np.clip(rates, 1.0, MOST_SAMPLED)
    if pa.types.is_integer(column.type) and (factor == np.floor(factor)).all():
        try:
            whole = pa.chunked_array([pa.array(factor.astype(np.int64))])
            return pc.multiply_checked(column.cast(pa.int64()), whole)
        except pa.ArrowException:
            pass
    values, absent, misfit = numbers(column)
    return pa.chunked_array([pa.array(np.where(misfit, np.nan, values * factor), mask=absent)])


def less(total: Column, part: Column) -> Column:
    """What a part leaves of a total; null where one of them is, NaN where one is no number."""
    if pa.types.is_integer(total.type) and pa.types.is_integer(part.type):
        try:
            return pc.subtract_checked(total.cast(pa.int64()), part.cast(pa.int64()))
        except pa.ArrowException:
            pass
    (a, no_a, not_a), (b, no_b, not_b) = numbers(total), numbers(part)
    return pa.chunked_array([pa.array(np.where(not_a | not_b, np.nan, a - b), mask=no_a | no_b)])


def one_of(column: Column, words: tuple[str, ...]) -> Bool:
    """Which values are one of some words, as text without spaces around it; bool [E]."""
    out = np.zeros(len(column), bool)
    start = 0
    for chunk in column.chunks:
        kind = chunk.type.value_type if pa.types.is_dictionary(chunk.type) else chunk.type
        if pa.types.is_nested(kind) or pa.types.is_temporal(kind):
            # no word at all
            pass
        elif not pa.types.is_null(chunk.type):
            coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            told = pa.array([_word(value) in words for value in coded.dictionary.to_pylist()], pa.bool_())
            out[start : start + len(chunk)] = np.asarray(pc.fill_null(told.take(coded.indices), False))
        start += len(chunk)
    return out


def _word(value: Any) -> str:
    # a fraction elsewhere in the column makes 2 a 2.0
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip()


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _known(column: Column) -> Bool:
    return ~np.asarray(column.is_null()) if column.null_count else np.ones(len(column), bool)


def _text(array: pa.Array) -> tuple[Any, Any, Bool]:
    """Bytes, offsets [E + 1] and which values there are, bool [E]."""
    _, offsets, data = array.buffers()
    kind, stop = np.int64 if pa.types.is_large_string(array.type) else np.int32, array.offset + len(array) + 1
    every = np.frombuffer(offsets, kind, stop) if len(array) else np.zeros(stop, kind)
    raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    known = array.is_valid().to_numpy(zero_copy_only=False).astype(bool)
    return raw, every[array.offset : array.offset + len(array) + 1], known
