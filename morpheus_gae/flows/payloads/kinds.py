"""Kinds of payloads: what a message is, by its content type or its first bytes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from morpheus_gae.flows.exporters.presets.shapes import shape_of_line

KINDS = ("json", "csv", "arrow", "avro", "protobuf")
TOMBSTONE = "tombstone"
UNKNOWN = "unknown"

CONTENT_TYPES = {
    **dict.fromkeys(
        (
            *("application/json", "text/json", "application/x-ndjson", "application/ndjson"),
            *("application/jsonlines", "application/jsonl", "application/x-json-stream"),
        ),
        "json",
    ),
    **dict.fromkeys(("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"), "arrow"),
    **dict.fromkeys(("text/csv", "application/csv", "text/tab-separated-values"), "csv"),
    **dict.fromkeys(
        ("avro/binary", "application/avro", "application/x-avro", "application/vnd.apache.avro"), "avro"
    ),
    "application/x-protobuf": "protobuf",
    "application/protobuf": "protobuf",
    "application/vnd.google.protobuf": "protobuf",
}
"""What a content type says; any other says nothing, and the first bytes tell."""

_BLANK = b" \t\r\n\xef\xbb\xbf"
# field numbers 1 to 15 of goflow2's message that begin it; fields come in order
_TAGS = frozenset((0x08, 0x18, 0x20, 0x32, 0x3A, 0x48, 0x50, 0x5A))


first_bytes: Any = itemgetter(slice(1))
"""The first byte of a message, as bytes."""


def kind_of_all(values: Sequence[bytes | None], types: Sequence[str | None] | None) -> str | None:
    """The kind that all messages have, where a glance tells; None where each must be looked at."""
    if not all(values):
        return None
    told = {None if t is None else _told(t) for t in ({None} if types is None else set(types))}
    if len(told) > 1 or None not in told:
        return told.pop() if len(told) == 1 else None
    # JSON is what comes in many small messages
    return "json" if set(map(first_bytes, values)) <= {b"{", b"["} else None


def _told(content_type: str) -> str | None:
    return CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower())


def kind_of(value: bytes | None, content_type: str | None) -> str:
    """What a message is: one of ``KINDS``, ``tombstone`` or ``unknown``."""
    if not value:
        return TOMBSTONE
    if content_type is not None:
        told = _told(content_type)
        if told is not None:
            return told
    first = value[0]
    if first in (0x7B, 0x5B):  # { [
        return "json"
    if first == 0xFF and value[:4] == b"\xff\xff\xff\xff":
        return "arrow"
    if first == 0x41 and value[:6] == b"ARROW1":
        return "arrow"
    if first == 0x4F and value[:4] == b"Obj\x01":
        return "avro"
    if first == 0x00 and len(value) > 5:
        # Confluent's wire format: a zero, the number of a schema, the record
        return "avro"
    rest = value[:4096].lstrip(_BLANK)
    if rest[:1] in (b"{", b"["):
        return "json"
    line = rest.partition(b"\n")[0]
    # a record without a header may begin with a byte that protobuf begins with as well
    if line.startswith(b"#fields") or line.startswith(b"#separator"):
        return "csv"
    if line[:1].isdigit() and shape_of_line(line):
        return "csv"
    if first in _TAGS or _prefixed(value):
        return "protobuf"
    # a header of several columns
    if b"\0" not in line and any(mark in line for mark in (b",", b"\t", b";", b"|")):
        return "csv"
    return UNKNOWN


def _prefixed(value: bytes) -> bool:
    """Whether a message begins with its own length, as protobuf's delimited form does."""
    length = shift = 0
    for i, byte in enumerate(value[:3]):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            at = i + 1
            return length >= 8 and at < len(value) and value[at] in _TAGS and length <= len(value) - at
    return False
