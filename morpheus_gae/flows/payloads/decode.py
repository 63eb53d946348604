"""Payloads: the messages of one topic as flows, many messages at a time, whatever form each of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows import columns
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.mapping import ColumnMap, PresetLike
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.flows.payloads.avro import AvroDecoder
from morpheus_gae.flows.payloads.goflow2 import ProtobufDecoder
from morpheus_gae.flows.payloads.kinds import TOMBSTONE, UNKNOWN, kind_of, kind_of_all
from morpheus_gae.flows.payloads.tables import ArrowDecoder
from morpheus_gae.flows.payloads.text import CsvDecoder, JsonDecoder, NotFlows, Part

I64 = npt.NDArray[np.int64]

_UNKNOWN = "neither JSON, Arrow, CSV, Avro nor protobuf of goflow2"


@dataclass(frozen=True)
class BadPayload:
    """A message, or one record of it, that is no flow.

    Attributes
    ----------
    message
        Index of the message among those that were decoded.
    row
        Record within the message, from 0; -1 is the message as a whole.
    reason
        Why.
    detail
        What was found, in a few words.
    value
        The bytes as they came; of a record within a table its columns as JSON.
    """

    message: int
    row: int
    reason: Reason
    detail: str
    value: bytes


@dataclass(frozen=True)
class Decoded:
    """What M messages held.

    Attributes
    ----------
    flows
        E flows in the order of the messages.
    message
        int64 [E], ascending: index of the message of each flow.
    row
        int64 [E]: record within the message; with ``message`` it names a flow, however often it is read.
    bad
        Messages and records that are no flows, in order.
    skipped
        Records that are neither, by reason.
    preset
        Name of the preset that columns were read with, if any.
    noted
        Flows that were read with something put right, by what.
    """

    flows: Flows
    message: I64
    row: I64
    bad: list[BadPayload] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    preset: str | None = None
    noted: Counter[str] = field(default_factory=Counter)


class FormatDecoder(Protocol):
    """Decodes messages of one form."""

    def decode(self, values: list[bytes]) -> list[Part]:
        """Flows of messages; raises ``NotFlows`` if one of them holds none."""
        ...


class PayloadDecoder:
    """Decodes the messages of one topic; what it learns of their columns makes later ones faster.

    Parameters
    ----------
    name
        Topic, for details of bad records.
    preset
        Whose columns they are; told by the columns if None.
    avro_schema
        Schema (JSON text) of Avro messages that carry none.

    Notes
    -----
    Bad messages never raise: when many are decoded together and that fails, they are decoded one by one.
    """

    def __init__(self, name: str, preset: PresetLike = None, avro_schema: str | None = None) -> None:
        self._decoders: dict[str, FormatDecoder] = {
            "json": JsonDecoder(name, preset),
            "csv": CsvDecoder(name, preset),
            "arrow": ArrowDecoder(name, preset),
            "avro": AvroDecoder(name, preset, avro_schema),
            "protobuf": ProtobufDecoder(name),
        }
        if isinstance(preset, ColumnMap) and preset.columns:
            # lines without a header may begin with anything
            self._decoders["protobuf"] = self._decoders[UNKNOWN] = self._decoders["csv"]

    def decode(self, values: Sequence[bytes | None], types: Sequence[str | None] | None = None) -> Decoded:
        """Flows of messages.

        Parameters
        ----------
        values
            M payloads; None is a tombstone.
        types
            M content types, where a message told one; None if none did.
        """
        kind = kind_of_all(values, types)
        if kind is not None:
            return self._run(kind, [value or b"" for value in values])
        if types is None:
            kinds = [kind_of(value, None) for value in values]
        else:
            kinds = [kind_of(value, told) for value, told in zip(values, types, strict=True)]
        out: list[Decoded] = []
        at = 0
        for kind, run in groupby(kinds):
            count = sum(1 for _ in run)
            given = [value or b"" for value in values[at : at + count]]
            out.append(_moved(self._run(kind, given), at))
            at += count
        return _joined(out)

    def _run(self, kind: str, values: list[bytes]) -> Decoded:
        if kind == TOMBSTONE:
            return replace(_none(), skipped=Counter({TOMBSTONE: len(values)}))
        if kind not in self._decoders:
            bad = [BadPayload(i, -1, Reason.MESSAGE, _UNKNOWN, v) for i, v in enumerate(values)]
            return replace(_none(), bad=bad)
        return self._decoded(self._decoders[kind].decode, values)

    def _decoded(self, decode: Callable[[list[bytes]], list[Part]], values: list[bytes]) -> Decoded:
        """Together if that goes, else message by message: one that cannot be read spoils no other."""
        try:
            return _joined([_of_part(part) for part in decode(values)])
        except NotFlows as error:
            reason, detail = error.reason, str(error)
        except MemoryError:
            raise
        except Exception as error:
            # whatever a message does to a reader, it is that message's fault, and not the stream's
            reason, detail = Reason.MESSAGE, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        if len(values) > 1 and reason is not Reason.COLUMNS:
            return _joined([_moved(self._decoded(decode, [v]), i) for i, v in enumerate(values)])
        return replace(_none(), bad=[BadPayload(i, -1, reason, detail, v) for i, v in enumerate(values)])


@cache
def no_flows() -> Flows:
    """A batch of no flows, for positions alone."""
    text, number = pa.array([], pa.string()), pa.array([], pa.int64())
    names = [columns.IPV4_SRC, columns.IPV4_DST, *columns.ATTRIBUTES]
    return table_to_flows(pa.table([text, text, number, number, number], names)).flows


def _none() -> Decoded:
    return Decoded(no_flows(), np.zeros(0, np.int64), np.zeros(0, np.int64))


def _of_part(part: Part) -> Decoded:
    message, row = part.message, part.row
    flows = part.batch.flows
    if len(row) > 1 and bool(((np.diff(row) == 0) & (np.diff(message) == 0)).any()):
        # records that hold several flows each: number the flows instead
        first = np.searchsorted(message, message, "left")
        row = np.arange(len(row)) - first
    bad = [
        BadPayload(m, r, b.reason, b.detail, v) for b, (m, r, v) in zip(part.batch.bad, part.bad, strict=True)
    ]
    batch = part.batch
    return Decoded(flows, message, row, bad, batch.skipped, batch.preset, batch.noted)


def _moved(decoded: Decoded, by: int) -> Decoded:
    if not by:
        return decoded
    bad = [replace(b, message=b.message + by) for b in decoded.bad]
    return replace(decoded, message=decoded.message + by, bad=bad)


def _joined(parts: list[Decoded]) -> Decoded:
    if len(parts) == 1:
        return parts[0]
    some = [part for part in parts if len(part.flows)]
    return Decoded(
        flows=concat([part.flows for part in some]) if some else no_flows(),
        message=np.concatenate([part.message for part in some] or [np.zeros(0, np.int64)]),
        row=np.concatenate([part.row for part in some] or [np.zeros(0, np.int64)]),
        bad=[b for part in parts for b in part.bad],
        skipped=sum((part.skipped for part in parts), Counter()),
        preset=next((part.preset for part in parts if part.preset), None),
        noted=sum((part.noted for part in parts), Counter()),
    )
