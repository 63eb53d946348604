"""Messages of a topic: JSON, CSV, Arrow, Avro and protobuf, some of them changed, several at once."""

from __future__ import annotations

import io
import json
from random import Random
from typing import Any

import fastavro

from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.payloads.goflow2 import ADDRESSES, NUMBERS
from morpheus_gae.flows.payloads.kinds import CONTENT_TYPES
from tests.flows import rows
from tests.fuzz.case import Case
from tests.fuzz.octets import changed
from tests.fuzz.tables import TableCases
from tests.fuzz.text import TextCases

# binary ones are soonest made and read
_TOGETHER = {"avro": (1, 2, 10, 30, 60), "protobuf": (1, 2, 10, 30, 60), "arrow": (1, 2, 5, 20)}
_FEW = (1, 1, 2, 4)
_OTHER_TYPES = (
    "",
    "text/plain",
    "application/json; charset=utf-8",
    "AVRO/BINARY",
    "x/y",
    "\u00e9",
    "application/",
)
_FIELDS: dict[str, Any] = {
    "IPV4_SRC_ADDR": "string", "IPV4_DST_ADDR": ["null", "string"], "IN_BYTES": "long",
    "OUT_BYTES": ["null", "long", "double"], "FLOW_DURATION_MILLISECONDS": "double",
    "FLOW_START_MILLISECONDS": {"type": "long", "logicalType": "timestamp-millis"},
}  # fmt: skip
_EXTRA: dict[str, Any] = {
    "tags": {"type": "array", "items": "string"}, "more": {"type": "map", "values": "int"},
    "raw": "bytes", "mac": {"type": "fixed", "name": "mac", "size": 6},
    "kind": {"type": "enum", "name": "kind", "symbols": ["a", "b"]}, "ok": "boolean", "share": "float",
    "cost": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
    "nothing": {"type": "array", "items": "null"}, "day": {"type": "int", "logicalType": "date"},
}  # fmt: skip
_VALUES: dict[str, Any] = {
    "tags": ["a", "b"], "more": {"a": 1}, "raw": b"\xff\x00", "mac": b"123456", "kind": "b", "ok": True,
    "share": 0.5, "cost": 3, "nothing": [None, None], "day": 19_675,
}  # fmt: skip


class MessageCases:
    """Makes payloads."""

    def __init__(self, texts: TextCases, tables: TableCases) -> None:
        self._texts, self._tables = texts, tables
        rng = Random(0)
        self._avro = [_avro(rng) for _ in range(24)]
        self._protobuf = [_protobuf(rng) for _ in range(24)]

    def sound(self) -> list[tuple[str, bytes]]:
        """Messages that nobody has changed."""
        out = [("avro", container) for _, container, _ in self._avro]
        return out + [("protobuf", data) for data in self._protobuf[:8]]

    def make(self, rng: Random, kept: bytes | None = None) -> Case:
        kind = rng.choice(
            ("json", "csv", "arrow", "arrow", "arrow", "avro", "avro", "avro", "protobuf", "protobuf")
        )
        told: dict[str, Any] = {"types": None, "twice": rng.random() < 0.15}
        parts = [
            getattr(self, f"_{kind}_message")(rng, told) for _ in range(rng.choice(_TOGETHER.get(kind, _FEW)))
        ]
        if kept is not None:
            parts[0] = changed(rng, kept, parts[-1])
        if rng.random() < 0.1:
            parts.insert(
                rng.randrange(len(parts) + 1),
                rng.choice((b"", b"\x00", b"{", b"[", b"garbage", parts[0][:9])),
            )
        if rng.random() < 0.3:
            mine = [name for name, of in CONTENT_TYPES.items() if of == kind]
            told["types"] = [
                rng.choice((None, rng.choice(mine), rng.choice(mine), rng.choice(_OTHER_TYPES)))
                for _ in parts
            ]
            if rng.random() < 0.2:
                told["types"] = [rng.choice(list(CONTENT_TYPES))] * len(parts)
        if rng.random() < 0.05:
            told["preset"] = rng.choice(list(PRESETS))
        return Case("payload", kind, parts, told)

    def _json_message(self, rng: Random, told: dict[str, Any]) -> bytes:
        data = self._texts.make(rng).parts[0]
        return data.partition(b"\n")[0] if rng.random() < 0.5 else data

    def _csv_message(self, rng: Random, told: dict[str, Any]) -> bytes:
        return self._texts.make(rng).parts[0]

    def _arrow_message(self, rng: Random, told: dict[str, Any]) -> bytes:
        return self._tables.message(rng)

    def _avro_message(self, rng: Random, told: dict[str, Any]) -> bytes:
        schema, container, bare = rng.choice(self._avro)
        if rng.random() < 0.6:
            data = container
        else:
            data = bare
            told["avro"] = schema
        return data if rng.random() < 0.25 else changed(rng, data, rng.choice(self._avro)[1])

    def _protobuf_message(self, rng: Random, told: dict[str, Any]) -> bytes:
        data = rng.choice(self._protobuf) if rng.random() < 0.4 else _protobuf(rng)
        return data if rng.random() < 0.25 else changed(rng, data, rng.choice(self._protobuf), None, 2)


def _avro(rng: Random) -> tuple[str, bytes, bytes]:
    """A schema, a container of a few records and one record alone."""
    extra = rng.sample(list(_EXTRA), rng.randint(0, 4))
    fields = {**_FIELDS, **{name: _EXTRA[name] for name in extra}}
    schema = {"type": "record", "name": "flow", "fields": [{"name": n, "type": t} for n, t in fields.items()]}
    given = []
    for i in range(3):
        row = rows.record(i)
        row["FLOW_DURATION_MILLISECONDS"] = float(i)
        given.append({name: row.get(name, _VALUES.get(name)) for name in fields})
    out, bare = io.BytesIO(), io.BytesIO()
    if "cost" in extra:
        import decimal

        given = [{**row, "cost": decimal.Decimal("1.50")} for row in given]
    fastavro.writer(
        out, schema, given, codec=rng.choice(("null", "deflate")), sync_marker=b"sixteen bytes ok"
    )
    fastavro.schemaless_writer(bare, schema, given[0])
    return json.dumps(schema), out.getvalue(), rng.choice((b"\x00\x00\x00\x00\x07", b"")) + bare.getvalue()


def _varint(value: int) -> bytes:
    out = bytearray()
    value %= 1 << 64
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _protobuf(rng: Random) -> bytes:
    """A message of goflow2, or several behind their lengths; some fields odd."""
    from tests.fuzz.values import BOUNDS

    messages = []
    for _ in range(rng.choice((1, 1, 1, 3))):
        told = {
            NUMBERS[name]: rng.randrange(1 << rng.choice((7, 16, 40)))
            for name in rng.sample(list(NUMBERS), 12)
        }
        told |= {
            NUMBERS["bytes"]: 100,
            NUMBERS["time_flow_start_ns"]: 10**18,
            NUMBERS["time_flow_end_ns"]: 10**18 + 5_000_000,
        }
        if rng.random() < 0.3:
            told[rng.choice(list(told))] = rng.choice(BOUNDS)
        pieces = [(number, _varint(number << 3) + _varint(value)) for number, value in told.items()]
        for number in ADDRESSES.values():
            size = rng.choice((4, 4, 4, 16, 16, 0, 5, 200))
            pieces.append(
                (
                    number,
                    _varint(number << 3 | 2) + _varint(size) + bytes(rng.randrange(256) for _ in range(size)),
                )
            )
        if rng.random() < 0.3:
            number = rng.choice((0, 102, 127, 128, 2**28, 2**29 - 1))
            wire = rng.randrange(8)
            pieces.append(
                (
                    number,
                    _varint(number << 3 | wire)
                    + rng.choice((b"", b"\x05", b"\x03abc", b"\xff" * 10, b"\0" * 8)),
                )
            )
        pieces.sort(key=lambda piece: piece[0])
        messages.append(b"".join(piece for _, piece in pieces))
    if len(messages) > 1 or rng.random() < 0.3:
        return b"".join(_varint(len(message)) + message for message in messages)
    return messages[0]
