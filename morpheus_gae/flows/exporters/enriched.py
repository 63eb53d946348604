"""Enriched columns: what flows tell beside bytes and duration, as whole numbers, where their exporter does.

Server port, protocol, packets both ways, TCP flags, application (layer 7) and state of the connection. Each
value is a whole number from 0: text is hashed, flags written as letters are bits. Nothing here is an error:
what is not told is `MISSING`, and a column that none of the flows has is `ABSENT`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.flows import columns as c

if TYPE_CHECKING:
    import pyarrow as pa

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

NAMES = (
    "server port", "protocol", "packets forward", "packets back", "TCP flags", "application", "state",
)  # fmt: skip
SOURCES: tuple[tuple[str, ...], ...] = (
    (c.SRC_PORT, c.DST_PORT),
    (c.PROTOCOL,),
    (c.IN_PKTS,),
    (c.OUT_PKTS,),
    ("TCP_FLAGS", "tcpControlBits", "flg"),
    ("L7_PROTO", "L7_PROTO_NAME", "application_name", "app_proto", "service", "applicationName"),
    ("CONN_STATE", "connection_state", "State"),
)
"""Names, in any case, that each of these has in the input; the first that is there (of ports both)."""
MISSING, ABSENT = -1, -2
MOST = (1 << 31) - 1
LETTERS = "FSRPAUEC"
"""TCP flags from the lowest bit on, as nfdump and Argus write them."""
ENCODED = "morpheus_gae.enriched."
"""Columns so called, with a number behind, hold what was read before."""
_NUMBER = r"^\s*\d{1,10}(\.\d{1,9})?\s*$"
_THOUSAND = 1000.0
"""Applications of nDPI are two numbers with a point between them (7.178)."""


def sources(names: list[str]) -> list[list[str]]:
    """Columns of the input that each of ``NAMES`` is made of; empty where there is none."""
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(name.lower(), name)
    found = [[known[s.lower()] for s in told if s.lower() in known] for told in SOURCES]
    return [found[0], *(f[:1] for f in found[1:])]


def kept(table: pa.Table) -> pa.Table:
    """The table with these columns alone; its number of rows stays."""
    import pyarrow as pa

    names = table.column_names
    wanted = [name for found in sources(names) for name in found]
    wanted += [name for name in names if name.startswith(ENCODED)]
    rows = pa.array(np.arange(table.num_rows, dtype=np.int32))
    return pa.table({"row": rows, **{name: table[name] for name in dict.fromkeys(wanted) if name != "row"}})


def not_told(table: pa.Table) -> list[str]:
    """Those of ``NAMES`` that a table has no column for."""
    names = table.column_names
    found = enumerate(zip(NAMES, sources(names), strict=True))
    return [name for i, (name, told) in found if not told and f"{ENCODED}{i}" not in names]


def enriched_columns(table: pa.Table) -> I32:
    """Values of a table of E flows: int32 [E, 7], whole numbers from 0, `MISSING` or `ABSENT`."""
    out = np.full((table.num_rows, len(NAMES)), ABSENT, np.int32)
    names = table.column_names
    for i, found in enumerate(sources(names)):
        if f"{ENCODED}{i}" in names:
            out[:, i] = _encoded(table[f"{ENCODED}{i}"])
            continue
        given = [table[name] for name in found if table[name].null_count < table.num_rows]
        if not given:
            continue
        if i == 0:
            out[:, i] = _server_port([_numbers(column) for column in given])
        elif i == 4:
            out[:, i] = _flags(given[0])
        elif i >= 5:
            out[:, i] = _words(given[0], _THOUSAND if i == 5 else 1.0)
        else:
            out[:, i] = _numbers(given[0])
    return out


def _encoded(column: Any) -> I32:
    import pyarrow as pa

    if column.type != pa.int32():
        return np.full(len(column), MISSING, np.int32)
    values = column.fill_null(MISSING).to_numpy()
    return np.maximum(values, ABSENT).astype(np.int32)


def _server_port(ports: list[I32]) -> I32:
    """The lower of both ports, where it is one: ephemeral ports lie above those of services."""
    ports = [np.where(port > 0xFFFF, np.int32(MISSING), port) for port in ports]
    if len(ports) == 1:
        return ports[0]
    low, high = np.minimum(*ports), np.maximum(*ports)
    return np.where(low > 0, low, high)


def _numbers(column: Any, scale: float = 1.0) -> I32:
    """int32 [E] of numbers, or text that is one; the rest is `MISSING`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _plain(column)
    kind = column.type
    if _is_text(kind):
        column = pc.if_else(pc.match_substring_regex(column, _NUMBER), pc.utf8_trim_whitespace(column), None)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return np.full(len(column), MISSING, np.int32)
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.rint(values * scale)
        whole = np.where(whole >= 0, np.minimum(whole, MOST), MISSING)
    return whole.astype(np.int32)


def _flags(column: Any) -> I32:
    """int32 [E] TCP flags, a number or letters (``...AP.SF``), as 8 bits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _plain(column)
    values = _numbers(column)
    out = np.where(values >= 0, values & 0xFF, values)
    if not _is_text(column.type):
        return out
    letters = pc.and_(pc.match_substring_regex(column, r"^[.FSRPAUEC]+$"), pc.is_valid(column))
    bits = np.zeros(len(column), np.int32)
    for i, letter in enumerate(LETTERS):
        there = pc.fill_null(pc.match_substring(column, letter), False)
        bits |= there.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int32) << i
    spelled = pc.fill_null(letters, False).to_numpy(zero_copy_only=False).astype(np.bool_)
    return np.where(spelled, bits, out).astype(np.int32)


def _words(column: Any, scale: float) -> I32:
    """int32 [E] of numbers, or hashes of words; empty text and ``-`` are `MISSING`."""
    import pyarrow as pa

    column = _plain(column)
    if not _is_text(column.type):
        return _numbers(column, scale)
    numbers = _numbers(column, scale)
    text = column.cast(pa.large_string())
    _, offsets, data = text.buffers()
    places = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    letters = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    hashes = _hashes(places, letters)
    told = text.is_valid().to_numpy(zero_copy_only=False).astype(np.bool_)
    return np.where(numbers >= 0, numbers, np.where(told, hashes, MISSING)).astype(np.int32)


@njit(cache=True, nogil=True)
def _hashes(places: I64, letters: U8) -> I32:
    """31-bit FNV-1a of each text, letters of ASCII in lower case."""
    out = np.empty(places.shape[0] - 1, np.int32)
    for i in range(out.shape[0]):
        lo, hi = places[i], places[i + 1]
        if hi == lo or (hi == lo + 1 and letters[lo] == 45):
            out[i] = -1
            continue
        h = np.uint32(2166136261)
        for j in range(lo, hi):
            letter = np.uint32(letters[j])
            if np.uint32(65) <= letter <= np.uint32(90):
                letter |= np.uint32(32)
            h = np.uint32((h ^ letter) * np.uint32(16777619))
        out[i] = np.int32(h >> np.uint32(1))
    return out


def _plain(column: Any) -> Any:
    """One array, without a dictionary."""
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
