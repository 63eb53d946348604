"""Schema: the types that columns of a text source keep, once its first records have shown them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from morpheus_gae.flows import columns

IN_PLACE = frozenset((columns.PROTOCOL, columns.LABEL))
"""Canonical columns that a preset may find words in, and puts numbers in place of."""


def faithful(kind: Any) -> Any:
    """The type that writes a value as it was read: what only looks like a time stays text."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, faithful(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(faithful(kind.value_type))
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return pa.string()
    return kind


class Types:
    """Types by column; a column is open until it has shown a value."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        #: Names of the columns that hold counters.
        self.counters: tuple[str, ...] = columns.ATTRIBUTES
        #: Counters are read as text, since the last block held some that are no numbers.
        self.counters_as_text = False

    def asked(self, names: list[str] | None = None) -> dict[str, Any]:
        """Types to ask the parser for (of ``names`` only, if given)."""
        kinds = {n: t for n, t in self.known.items() if names is None or n in names}
        if self.counters_as_text:
            kinds.update(dict.fromkeys(self.counters, pa.string()))
        return kinds

    def unfaithful(self, schema: pa.Schema) -> dict[str, Any]:
        """Types of columns that were read as something that would not write back the same."""
        return {f.name: kind for f in schema if (kind := faithful(f.type)) != f.type}

    def settle(self, table: pa.Table, read: pa.Table) -> None:
        """Learn from well-formed records; of columns that were ``read``, not of those that were added."""
        if table.num_rows == 0:
            return
        own = set(read.column_names)
        for field in table.schema:
            # words that a preset has made numbers of will be words again
            kind = read.schema.field(field.name).type if field.name in IN_PLACE & own else field.type
            if field.name in own and not _is_open(kind):
                self.known[field.name] = kind


def _is_open(kind: Any) -> bool:
    """Whether a part of a type has not shown a value yet."""
    if pa.types.is_struct(kind):
        return any(_is_open(f.type) for f in kind)
    if pa.types.is_list(kind):
        return _is_open(kind.value_type)
    return bool(pa.types.is_null(kind))
