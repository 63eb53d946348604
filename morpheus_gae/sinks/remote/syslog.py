"""Syslog: sends alerts as RFC 5424 messages over TCP, TLS (RFC 5425, 6587) or UDP (RFC 5426)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence

import numpy as np

from morpheus_gae.detect.alert_fields import iso_time
from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.refused import Refusal
from morpheus_gae.sinks.remote.sink import Answer
from morpheus_gae.sinks.remote.wire import Wire

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{i}" for i in range(8))),
)
"""Facilities by number."""
DEFAULT_FACILITY = "local0"
SEVERITIES = (5, 4, 3, 2)
"""Notice, warning, error and critical, for low, medium, high and critical."""
DATAGRAM_BYTES = 65_507
"""The largest payload of UDP over IPv4."""
LAST_MS = 253_402_300_799_999
"""Largest time with a year of four digits, in milliseconds."""


class SyslogPost:
    """Posts messages over a wire.

    Parameters
    ----------
    wire
        Sends bytes.
    facility
        Name.
    host
        Host name written in each message; the system's by default.

    Raises
    ------
    UsageError
        If there is no facility of that name.
    """

    most_records = 1_000
    most_bytes = 1 << 20

    def __init__(self, wire: Wire, facility: str = DEFAULT_FACILITY, host: str | None = None) -> None:
        if facility not in FACILITIES:
            known = ", ".join(FACILITIES)
            raise UsageError(f"--output syslog: unknown facility {facility!r}: choose one of {known}")
        self._wire = wire
        self._facility = 8 * FACILITIES.index(facility)
        told = re.sub(r"[^!-~]", "", socket.gethostname() if host is None else host)[:255]
        self._from = f"{told or '-'} morpheus-gae {os.getpid()}"

    def post(self, records: Sequence[Record]) -> Answer:
        """Send messages; over UDP those that fit into a datagram."""
        messages = self._messages(records)
        refused: list[Refusal] = []
        if self._wire.datagrams:
            fits = [len(message) <= DATAGRAM_BYTES for message in messages]
            why = f"too long for UDP: at most {DATAGRAM_BYTES:,} bytes, header included"
            refused = [Refusal(r, why) for r, fit in zip(records, fits, strict=True) if not fit]
            messages = [message for message, fit in zip(messages, fits, strict=True) if fit]
            self._wire.send(messages)
        else:
            # octet counting: a message may contain any byte
            self._wire.send([b"%d %b" % (len(message), message) for message in messages])
        return Answer(refused=refused)

    def close(self) -> None:
        """Close the wire."""
        self._wire.close()

    def _messages(self, records: Sequence[Record]) -> list[bytes]:
        ms = np.array([record.time_ms for record in records], np.int64)
        known = (ms >= 0) & (ms <= LAST_MS)
        times = np.where(known, np.asarray(iso_time(np.where(known, ms, 0)).to_pylist(), object), "-")
        return [
            f"<{self._facility + SEVERITIES[r.severity]}>1 {at} {self._from} {r.kind} - ".encode() + r.body
            for r, at in zip(records, times.tolist(), strict=True)
        ]
