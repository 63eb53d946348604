"""Splunk: sends records to an HTTP Event Collector.

Sources: the pages "HTTP Event Collector REST API endpoints", "Troubleshoot HTTP Event Collector" (codes of
answers) and "About HTTP Event Collector Indexer Acknowledgment" of help.splunk.com.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress

from morpheus_gae.errors import OutputError
from morpheus_gae.sinks.remote.http import Http, Reply
from morpheus_gae.sinks.remote.parts import in_parts
from morpheus_gae.sinks.remote.records import SEVERITIES, Record
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.sink import Answer

HINTS = {
    7: "the token may not write to that index: name another with ?index=",
    10: "the token wants acknowledgements: add ?ack=true",
    11: "the token wants acknowledgements: add ?ack=true",
    14: "the token knows no acknowledgements: leave ?ack=true out",
}
"""Response codes about the token, not a record: permanent for all records."""
JSON = {"Content-Type": "application/json"}
ACK_SECONDS, FIRST_PAUSE, MOST_PAUSE = 120.0, 0.1, 5.0


class HecPost:
    """Posts batches of events.

    Parameters
    ----------
    http
        Sends.
    path
        Path of a proxy, before ``/services/collector``.
    index, sourcetype, source
        Metadata of the events; by default the token's index, ``morpheus_gae:alert`` by the kind of record,
        and ``morpheus_gae``.
    acknowledged
        Whether to wait for indexer acknowledgement.
    most_records
        Of a batch.
    wait, clock
        Sleep, and a clock in seconds like ``time.monotonic``.
    """

    most_bytes = 800_000
    """The server's limit is 838,860 in versions before 9, and larger since."""

    def __init__(
        self,
        http: Http,
        path: str = "",
        index: str | None = None,
        sourcetype: str | None = None,
        source: str = "morpheus_gae",
        acknowledged: bool = False,
        most_records: int = 1_000,
        wait: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http, self.most_records = http, most_records
        self._collector = f"{path.rstrip('/')}/services/collector"
        self._sourcetype = sourcetype
        self._told = {"host": socket.gethostname() or "-", "source": source}
        if index is not None:
            self._told["index"] = index
        # one per process, as the documentation requires
        self._channel = str(uuid.uuid4()) if acknowledged else None
        self._wait = threading.Event().wait if wait is None else wait
        self._clock = clock
        self._failed = False

    def post(self, records: Sequence[Record]) -> Answer:
        """Send a batch; after a failure only once the collector reports to be healthy."""
        if self._failed:
            # compatible servers may not support the request
            with suppress(OutputError):
                self._http.send("GET", f"{self._collector}/health")
        self._failed = True
        answer = in_parts(records, self._send)
        self._failed = bool(answer.again)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, records: Sequence[Record]) -> Answer | str:
        body = b"\n".join(map(self._event, records))
        headers = JSON if self._channel is None else {**JSON, "X-Splunk-Request-Channel": self._channel}
        reply = self._http.send("POST", f"{self._collector}/event", body, headers)
        if reply.status < 300:
            if self._channel is not None:
                self._wait_for(_number(reply, "ackId"))
            return Answer()
        if reply.status == 413 and len(records) > 1:
            # later batches would be too large as well
            self.most_bytes = min(self.most_bytes, sum(len(r.body) for r in records) // 2)
        said = f"{reply.status}{self._http.said(reply.body)}"
        code = _number(reply, "code")
        if code in HINTS:
            raise OutputError(f"{self._http.name}: {HINTS[code]} (it answers {said})")
        return said

    def _event(self, record: Record) -> bytes:
        kind = self._sourcetype or f"morpheus_gae:{record.kind}"
        told = {
            "time": round(record.time_ms / 1000, 3),
            **self._told,
            "sourcetype": kind,
            # beside the event: identifies duplicates in any encoding
            "fields": {"id": record.id, "severity": SEVERITIES[record.severity]},
        }
        return b'%b,"event":%b}' % (json.dumps(told).encode()[:-1], record.body)

    def _wait_for(self, number: int | None) -> None:
        if number is None:
            raise OutputError(f"{self._http.name} acknowledges nothing: {HINTS[14]}")
        asked = json.dumps({"acks": [number]}).encode()
        until, pause = self._clock() + ACK_SECONDS, FIRST_PAUSE
        while True:
            # ask again on failure: resending everything would be worse
            with suppress(Transient):
                reply = self._http.send("POST", f"{self._collector}/ack?channel={self._channel}", asked, JSON)
                if _acknowledged(reply, number):
                    return
            if self._clock() >= until:
                raise Transient(f"nothing was acknowledged for {ACK_SECONDS:g} s")
            self._wait(pause)
            pause = min(2 * pause, MOST_PAUSE)


def _acknowledged(reply: Reply, number: int) -> bool:
    try:
        return json.loads(reply.body)["acks"][str(number)] is True
    except (ValueError, KeyError, TypeError):
        return False


def _number(reply: Reply, name: str) -> int | None:
    try:
        value = json.loads(reply.body)[name]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, int) else None
