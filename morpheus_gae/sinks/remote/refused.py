"""Refused: alerts permanently refused by a server, saved with its reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.tables.printable import json_escapes, printable
from morpheus_gae.sinks.append import AppendedLines
from morpheus_gae.sinks.remote.records import Record

MAX_DETAIL = 1000


class Refusal(NamedTuple):
    """A refused record, and the reason."""

    record: Record
    detail: str


class RefusedFile:
    """Refused alerts, appended to a file as JSON lines.

    Parameters
    ----------
    path
        File, created on first use; None: the run ends instead, nothing is dropped silently.
    name
        The server, for messages.
    """

    def __init__(self, path: str | None, name: str) -> None:
        self._name = name
        self._lines = None if path is None else AppendedLines(path, "refused alerts")

    def write(self, refusals: Sequence[Refusal]) -> None:
        """Write refused alerts.

        Raises
        ------
        OutputError
            If there is no file for them, or it cannot be written.
        """
        if not refusals:
            return
        if self._lines is None:
            detail = printable(refusals[0].detail)[:MAX_DETAIL]
            raise OutputError(
                f"{self._name} refuses an alert: {detail}; --refused FILE keeps such alerts and goes on"
            )
        self._lines.write(b"".join(map(self._line, refusals)))

    def flush(self) -> None:
        """Bring them to the disk."""
        if self._lines is not None:
            self._lines.flush()

    def close(self) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()

    def _line(self, refusal: Refusal) -> bytes:
        told = {
            "output": self._name,
            "id": refusal.record.id,
            "detail": refusal.detail[:MAX_DETAIL],
            "record": refusal.record.body.decode(),
        }
        return json_escapes(json.dumps(told)).encode() + b"\n"
