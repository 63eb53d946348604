"""Webhook: sends batches of records as JSON, signed by Standard Webhooks 1.0 (standardwebhooks.com)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

import numpy as np

from morpheus_gae.detect.alert_fields import iso_time
from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.http import Http
from morpheus_gae.sinks.remote.parts import in_parts
from morpheus_gae.sinks.remote.records import SEVERITIES, Record
from morpheus_gae.sinks.remote.secrets import Secrets
from morpheus_gae.sinks.remote.sink import Answer
from morpheus_gae.sinks.remote.syslog import LAST_MS

PREFIX = "whsec_"
"""Prefix of a base64 key."""


class WebhookPost:
    """Posts batches to a webhook, each with an id derived from its records.

    Parameters
    ----------
    http
        Sends.
    path
        Path of the webhook.
    keys
        Signing keys; several during key rotation.
    most_records
        Of a batch.
    clock
        Clock in seconds since the epoch.
    """

    most_bytes = 1 << 20

    def __init__(
        self,
        http: Http,
        path: str,
        keys: Sequence[bytes] = (),
        most_records: int = 100,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http, self._path, self._keys, self._clock = http, path, keys, clock
        self.most_records = most_records

    def post(self, records: Sequence[Record]) -> Answer:
        """Send a batch; a refused one is bisected to find the refused records."""
        return in_parts(records, self._send)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, records: Sequence[Record]) -> Answer | str:
        body, name = payload(records), message_id(records)
        at = str(int(self._clock()))
        headers = {"Content-Type": "application/json", "webhook-id": name, "webhook-timestamp": at}
        if self._keys:
            headers["webhook-signature"] = signature(self._keys, name, at, body)
        reply = self._http.send("POST", self._path, body, headers)
        if reply.status < 300:
            return Answer()
        if reply.status == 413 and len(records) > 1:
            # later batches would be too large as well
            self.most_bytes = min(self.most_bytes, sum(len(r.body) for r in records) // 2)
        return f"{reply.status}{self._http.said(reply.body)}"


def payload(records: Sequence[Record]) -> bytes:
    """Format a batch as JSON: ``type``, ``timestamp`` of the latest, ``data``; deterministic."""
    rows = [
        b'{"id":%b,"severity":"%b","summary":%b,"record":%b}'
        % (_json(r.id), SEVERITIES[r.severity].encode(), _json(r.text), r.body)
        for r in records
    ]
    at = iso_time(np.clip([max(r.time_ms for r in records)], 0, LAST_MS)).to_pylist()[0]
    head = b'{"type":%b,"timestamp":%b,"data":[' % (_json(f"morpheus_gae.{records[0].kind}"), _json(at))
    return head + b",".join(rows) + b"]}"


def message_id(records: Sequence[Record]) -> str:
    """Return a stable id derived from the records."""
    digest = hashlib.sha256()
    for r in records:
        # a changed incident is sent again with the same id
        digest.update(hashlib.sha256(r.id.encode() + b"\0" + r.body).digest())
    return f"msg_{digest.hexdigest()[:32]}"


def signature(keys: Sequence[bytes], name: str, at: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of id, time and body, one per key."""
    signed = b"%b.%b.%b" % (name.encode(), at.encode(), body)
    return " ".join("v1," + b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)


def signing_keys(secrets: Secrets) -> list[bytes]:
    """Parse keys separated by spaces: ``whsec_`` and base64, or plain text.

    Raises
    ------
    UsageError
        If the part after ``whsec_`` is not base64.
    """
    try:
        return [_key(word) for word in (secrets.hmac_key or "").split()]
    except binascii.Error:
        raise UsageError(f"{secrets.prefix}HMAC_KEY: no base64 behind {PREFIX}") from None


def _key(word: str) -> bytes:
    if not word.startswith(PREFIX):
        return word.encode()
    digits = word[len(PREFIX) :].rstrip("=")
    # some omit the padding
    return b64decode(digits + "=" * (-len(digits) % 4), validate=True)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
