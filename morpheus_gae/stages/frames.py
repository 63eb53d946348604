"""Frames: converts between data frames of messages (pandas, or cuDF in GPU mode) and Arrow tables.

Columns that pandas would have to convert (text, anything with nulls) stay Arrow-backed: nothing is copied and
no value changes in a round trip.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows, Position

if TYPE_CHECKING:
    import pyarrow as pa

_ARROW = "[pyarrow]"


def table_of(frame: Any) -> pa.Table:
    """Convert the columns of a frame to a table, without its index.

    Parameters
    ----------
    frame
        A pandas frame, or a cuDF one, which is copied from device to host.

    Raises
    ------
    InputError
        If a column mixes types.
    """
    import pyarrow as pa

    if is_device(frame):
        return frame.to_arrow(preserve_index=False)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except UnicodeEncodeError:
        return _with_halves(frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"a column of the message mixes types: {error}; read it as text") from error


def _with_halves(frame: Any) -> pa.Table:
    """Like ``table_of``, for text with lone surrogates, which becomes invalid UTF-8."""
    import pyarrow as pa

    odd = {}
    for name in frame.columns:
        values = list(frame[name]) if frame[name].dtype == object else []
        if any(isinstance(value, str) and not value.isascii() for value in values):
            raw = [v.encode("utf-8", "surrogatepass") if isinstance(v, str) else v for v in values]
            odd[name] = pa.array(raw, pa.binary()).view(pa.string())
    table = pa.Table.from_pandas(frame.drop(columns=list(odd)), preserve_index=False)
    for name, text in odd.items():
        table = table.append_column(name, text)
    return table.select(list(frame.columns))


def frame_of(table: pa.Table, package: Any, index: Any = None) -> Any:
    """Convert a table to a frame.

    Parameters
    ----------
    table
        From ``table_of`` (each column then gets the type it had), or any other without schema metadata.
    package
        ``pandas`` or ``cudf``.
    index
        Index of the frame; 0, 1, ... if None.
    """
    if package.__name__ == "cudf":
        frame = package.DataFrame.from_arrow(table)
    else:
        backed = _arrow_backed(table)
        frame = _without(table, backed).to_pandas()
        if backed:
            arrays = {name: package.arrays.ArrowExtensionArray(table[name]) for name in backed}
            whole = package.DataFrame(arrays)
            frame = package.concat([frame, whole], axis=1) if frame.shape[1] else whole
            frame = frame[table.column_names]
    if index is not None:
        frame.index = index
    return frame


def _arrow_backed(table: pa.Table) -> list[str]:
    """Return the columns that stay Arrow-backed: as before, or those that pandas would convert."""
    import pyarrow.types as is_

    known = (table.schema.metadata or {}).get(b"pandas")
    if known is not None:
        columns = json.loads(known)["columns"]
        were = {c["field_name"] for c in columns if str(c["numpy_type"]).endswith(_ARROW)}
        return [name for name in table.column_names if name in were]
    return [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if column.null_count or not (is_.is_integer(field.type) or is_.is_floating(field.type))
    ]


def _without(table: pa.Table, names: list[str]) -> pa.Table:
    """Drop columns, also from the metadata: pandas cannot read back every type it writes there."""
    rest = table.drop_columns(names)
    known = (rest.schema.metadata or {}).get(b"pandas")
    if known is None:
        return rest
    described = json.loads(known)
    described["columns"] = [c for c in described["columns"] if c["field_name"] not in names]
    return rest.replace_schema_metadata({b"pandas": json.dumps(described)})


def frame_of_flows(flows: Any, package: Any, first: int) -> Any:
    """Return the frame of a batch that starts at row ``first``; it may already be on the device."""
    index = package.RangeIndex(first, first + len(flows))
    if is_device(getattr(flows, "frame", None)):
        frame = flows.frame
        frame.index = index
        return frame
    # metadata of the input file does not describe this frame
    return frame_of(flows.table.replace_schema_metadata(None), package, index)


def is_device(frame: Any) -> bool:
    """Whether a frame is on a device (cuDF)."""
    return hasattr(frame, "to_pandas")


def bare_flows(table: pa.Table, done: tuple[Position, ...] = ()) -> Flows:
    """Create flows with only a table and positions, after scoring."""
    n = table.num_rows
    nothing = np.broadcast_to(np.uint64(0), n)
    return Flows(
        table=table,
        src_hi=nothing,
        src_lo=nothing,
        dst_hi=nothing,
        dst_lo=nothing,
        attributes=np.broadcast_to(np.float32(0), (n, 3)),
        duration_missing=np.broadcast_to(np.bool_(False), n),
        rows=np.broadcast_to(np.int64(0), n),
        done=done,
    )
