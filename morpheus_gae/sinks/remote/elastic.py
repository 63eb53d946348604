"""Elastic: sends records to Elasticsearch or OpenSearch by the bulk API, each with its own id.

Sources: the pages "Bulk API" and "Index API" of elastic.co/guide and of docs.opensearch.org.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.sinks.remote.http import Http, Reply
from morpheus_gae.sinks.remote.parts import in_parts
from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.refused import Refusal
from morpheus_gae.sinks.remote.sink import Answer

NAME = re.compile(r"[^-_+.A-Z\\/*?\"<>|,#:\s][^A-Z\\/*?\"<>|,#:\s]{0,254}")
"""Valid names of an index, alias or data stream."""
TOLD = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
"""Restricts the response to what is read here: otherwise it is as long as the request."""
NDJSON = {"Content-Type": "application/x-ndjson"}
CONFLICT = 409
BLOCKED = "cluster_block_exception"
"""Disk full, reported with 403 in some versions: transient."""
HOPELESS = frozenset(
    {
        "index_not_found_exception",
        "index_closed_exception",
        "security_exception",
        "invalid_index_name_exception",
    }
)
"""Errors about the index, not a record: permanent for all records."""


class BulkPost:
    """Posts batches to an index or a data stream.

    A record that exists already counts as delivered: retries do not duplicate.

    Parameters
    ----------
    http
        Sends.
    path
        Name of index, alias or data stream, possibly after the path of a proxy.
    updates
        Changed records are sent again with the same id, and the last state wins: by ``index`` and a version
        from its time, instead of ``create``. Not supported by data streams.
    most_records
        Of a batch.

    Raises
    ------
    UsageError
        If the name is invalid.
    """

    most_bytes = 5 << 20

    def __init__(self, http: Http, path: str, updates: bool = False, most_records: int = 1_000) -> None:
        before, _, self._index = path.rpartition("/")
        if not NAME.fullmatch(self._index):
            raise UsageError(
                f"--output …{printable(path)}: behind the last / stands the name of an index in lower case, "
                "as in elasticsearch+https://host:9200/alerts"
            )
        self._http, self._updates, self.most_records = http, updates, most_records
        self._path = f"{before}/{quote(self._index)}/_bulk?{TOLD}"

    def post(self, records: Sequence[Record]) -> Answer:
        """Send a batch: rejected records are retried, invalid ones refused."""
        if self._updates:
            # a retried older state would undo a later one of the same time
            last = {record.id or i: i for i, record in enumerate(records)}
            records = [records[i] for i in sorted(last.values())]
        return in_parts(records, self._send)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, records: Sequence[Record]) -> Answer | str:
        body = b"".join(b"%b\n%b\n" % (self._action(r), r.body) for r in records)
        reply = self._http.send("POST", self._path, body, NDJSON)
        if reply.status >= 300:
            if reply.status == 413 and len(records) > 1:
                # later batches would be too large as well
                self.most_bytes = min(self.most_bytes, sum(len(r.body) for r in records) // 2)
            return f"{reply.status}{self._http.said(reply.body)}"
        again, refused, why = [], [], ""
        for record, (status, kind, reason) in zip(records, self._items(reply, len(records)), strict=True):
            if status < 300 or status == CONFLICT:
                continue
            told = f"{status} {kind}: {reason}"
            if status == 429 or status >= 500 or kind == BLOCKED:
                again.append(record)
                why = f"it answers {told}"
                continue
            if kind in HOPELESS or "op_type of create" in reason:
                raise OutputError(f"{self._http.name}: {told}")
            refused.append(Refusal(record, told))
        return Answer(again, refused, why)

    def _action(self, record: Record) -> bytes:
        if not record.id:
            return b'{"index":{}}' if self._updates else b'{"create":{}}'
        if not self._updates:
            return b'{"create":{"_id":%b}}' % json.dumps(record.id).encode()
        # an older state sent late, by a resumed run, is a conflict
        told = {"_id": record.id, "version": max(record.time_ms, 0), "version_type": "external_gte"}
        return json.dumps({"index": told}).encode()

    def _items(self, reply: Reply, count: int) -> list[tuple[int, str, str]]:
        """Return status, error type and reason of each record."""
        try:
            items = [next(iter(item.values())) for item in json.loads(reply.body)["items"]]
            found = [(int(item["status"]), *self._error(item.get("error"))) for item in items]
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
            found = []
        if len(found) != count:
            raise OutputError(
                f"{self._http.name}: that is no answer of a bulk API{self._http.said(reply.body)}"
            )
        return found

    def _error(self, error: Any) -> tuple[str, str]:
        if not isinstance(error, dict):
            return "", str(error or "")
        kind, reason = (printable(self._http.hidden(str(error.get(key) or ""))) for key in ("type", "reason"))
        return kind, reason
