"""goflow2's protobuf messages: ``FlowMessage`` of its ``pb/flow.proto``, with the names of its JSON.

https://github.com/netsampler/goflow2/blob/main/pb/flow.proto
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from morpheus_gae.flows.addresses.text import format_addresses
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.payloads.goflow2_kernels import read_messages
from morpheus_gae.flows.payloads.tables import layout_of, part_of
from morpheus_gae.flows.payloads.text import NotFlows, Part

U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

NUMBERS = {
    "type": 1,
    "time_received_ns": 110,
    "sequence_num": 4,
    "sampling_rate": 3,
    "time_flow_start_ns": 111,
    "time_flow_end_ns": 112,
    "bytes": 9,
    "packets": 10,
    "etype": 30,
    "proto": 20,
    "src_port": 21,
    "dst_port": 22,
    "in_if": 18,
    "out_if": 19,
    "vlan_id": 29,
    "ip_tos": 23,
    "ip_ttl": 25,
    "ip_flags": 38,
    "tcp_flags": 26,
    "icmp_type": 31,
    "icmp_code": 32,
    "fragment_id": 35,
    "fragment_offset": 36,
    "src_as": 14,
    "dst_as": 15,
    "src_net": 16,
    "dst_net": 17,
}
"""Fields that are whole numbers; 0 where a message does not tell one, as protobuf has it."""
ADDRESSES = {"sampler_address": 11, "src_addr": 6, "dst_addr": 7}
_MOST = 128
_SHORTEST = 12
"""Bytes that two addresses take."""


class ProtobufDecoder:
    """Messages of goflow2, plain, or each behind its own length.

    Parameters
    ----------
    name
        Topic.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._slots = np.full(_MOST, -1, np.int64)
        self._slots[list(NUMBERS.values())] = np.arange(len(NUMBERS))
        self._slots[list(ADDRESSES.values())] = -2 - np.arange(len(ADDRESSES))

    def decode(self, values: list[bytes]) -> list[Part]:
        """Flows of messages.

        Raises
        ------
        NotFlows
            If one of them is no such message.
        """
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        stops = np.cumsum(lengths)
        most = int(stops[-1]) // _SHORTEST + len(values)
        numbers = np.zeros((len(NUMBERS), most), np.uint64)
        parts = np.zeros((len(ADDRESSES), 2, most), np.uint64)
        known = np.zeros((len(ADDRESSES), most), np.bool_)
        counts = np.zeros(len(values), np.int64)
        data = np.frombuffer(b"".join(values), np.uint8)
        total = read_messages(data, stops - lengths, stops, self._slots, numbers, parts, known, counts)
        if total < 0:
            raise NotFlows("no FlowMessage of goflow2", Reason.MESSAGE)
        table = pa.table(
            {
                **{name: _address(parts[i, :, :total], known[i, :total]) for i, name in enumerate(ADDRESSES)},
                **{name: _number(numbers[i, :total]) for i, name in enumerate(NUMBERS)},
            }
        )
        layout = layout_of(table.schema, self._name, "goflow2")
        assert layout is not None
        part = part_of([table], self._name, layout)
        message = np.repeat(np.arange(len(values)), counts)
        row = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        at = part.batch.flows.rows
        bad = [(int(message[r]), int(row[r]), v) for _, r, v in part.bad]
        return [Part(part.batch, message[at], row[at], bad)]


def _number(values: U64) -> pa.Array:
    """Whole numbers, as int64 where they fit."""
    fits = not len(values) or int(values.max()) < 1 << 63
    return pa.array(values.astype(np.int64) if fits else values)


def _address(parts: U64, known: Bool) -> pa.Array:
    text = format_addresses(parts[0], parts[1])
    return text if known.all() else text.take(pa.array(np.arange(len(known)), mask=~known))
