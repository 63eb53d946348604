"""Avro payloads: object containers, and bare records whose schema is known (https://avro.apache.org)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from morpheus_gae.errors import MissingExtraError, UsageError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.mapping import PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.payloads.avro_schema import BOTTOMLESS, bottomless
from morpheus_gae.flows.payloads.tables import layout_of, part_of
from morpheus_gae.flows.payloads.text import NotFlows, Part
from morpheus_gae.flows.tables.json_rows import rows_to_table

CONTAINER = b"Obj\x01"
_CONFLUENT = 5
"""Bytes before a record in Confluent's wire format: a zero and the number of the schema."""


class AvroDecoder:
    """Avro: a container that carries its schema, or one record that does not.

    Parameters
    ----------
    name
        Topic.
    preset
        Whose columns they are.
    schema
        JSON text, for records without a schema of their own, bare or in Confluent's wire format.

    Raises
    ------
    UsageError
        If the schema is none.
    """

    def __init__(self, name: str, preset: PresetLike, schema: str | None = None) -> None:
        self._name, self._preset = name, preset
        self._read: Callable[[bytes], list[dict[str, Any]]] | None = None
        self._schema = None if schema is None else _schema(schema)

    def decode(self, values: list[bytes]) -> list[Part]:
        """Flows of messages.

        Raises
        ------
        NotFlows
            If one of them cannot be read, or has not the columns of a flow.
        """
        read = self._read = self._read or _reader(self._schema)
        found = [read(value) for value in values]
        counts = [len(rows) for rows in found]
        table = rows_to_table([row for rows in found for row in rows], {})
        if not table.num_rows:
            raise NotFlows("Avro: no record", Reason.MESSAGE)
        layout = layout_of(table.schema, self._name, self._preset)
        part = part_of([table], self._name, layout or CANONICAL)
        # one table for all messages: who brought which row
        message = np.repeat(np.arange(len(values)), counts)
        row = np.arange(len(message)) - np.repeat(np.cumsum(counts) - counts, counts)
        at = part.batch.flows.rows
        bad = [(int(message[r]), int(row[r]), v) for _, r, v in part.bad]
        return [Part(part.batch, message[at], row[at], bad)]


def _schema(text: str) -> Any:
    fastavro = _fastavro()
    try:
        told = json.loads(text)
        if bottomless(told):
            raise ValueError(BOTTOMLESS)
        return fastavro.parse_schema(told)
    except (ValueError, KeyError, TypeError, RecursionError, fastavro.schema.SchemaParseException) as error:
        raise UsageError(f"avro.schema is no Avro schema: {error}") from None


def _reader(schema: Any) -> Callable[[bytes], list[dict[str, Any]]]:
    fastavro = _fastavro()

    def read(value: bytes) -> list[dict[str, Any]]:
        try:
            if value.startswith(CONTAINER):
                return _contained(fastavro.reader(io.BytesIO(value)))
            if schema is None:
                raise NotFlows(
                    "Avro without its schema (a schema registry is not asked): give the schema, "
                    "avro.schema.file=PATH in --kafka_config",
                    Reason.SCHEMA,
                )
            if value[0] == 0:
                value = value[_CONFLUENT:]
            rest = io.BytesIO(value)
            row = fastavro.schemaless_reader(rest, schema, None)
            if rest.read(1):
                raise NotFlows("Avro: bytes are left after the record: another schema's", Reason.SCHEMA)
        except (ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, UnicodeError) as error:
            raise NotFlows(f"Avro: {type(error).__name__}: {error}", Reason.MESSAGE) from None
        if not isinstance(row, dict):
            raise NotFlows("Avro: no record", Reason.MESSAGE)
        return [row]

    return read


def _contained(reader: Any) -> list[dict[str, Any]]:
    """Records of a container, unless its schema lets a few bytes claim to be any number of values."""
    if bottomless(reader.writer_schema):
        raise ValueError(BOTTOMLESS)
    return list(reader)


def _fastavro() -> Any:
    try:
        import fastavro
        import fastavro.schema
    except ImportError:
        raise MissingExtraError("fastavro", "avro", "reading Avro messages") from None
    return fastavro
