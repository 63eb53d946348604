"""Refused: alerts that a server will never take, kept with what it said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.printable import json_escapes, printable
from morpheus_gae.sinks.append import bring_to_disk, open_end
from morpheus_gae.sinks.remote.records import Record

MAX_DETAIL = 1000


class Refusal(NamedTuple):
    """A record, and why it was refused."""

    record: Record
    detail: str


class RefusedFile:
    """Refused alerts as lines of JSON at the end of a file.

    Parameters
    ----------
    path
        File, made when the first one comes; None ends the run then: nothing is dropped in silence.
    name
        The server, for messages.
    """

    def __init__(self, path: str | None, name: str) -> None:
        self._path, self._name = path, name
        self._file: Any = None

    def write(self, refusals: Sequence[Refusal]) -> None:
        """Keep refused alerts.

        Raises
        ------
        OutputError
            If there is no file for them, or it cannot be written.
        """
        if not refusals:
            return
        if self._path is None:
            detail = printable(refusals[0].detail)[:MAX_DETAIL]
            raise OutputError(
                f"{self._name} refuses an alert: {detail}; --refused FILE keeps such alerts and goes on"
            )
        try:
            if self._file is None:
                self._file = open_end(self._path)
            self._file.write(b"".join(map(self._line, refusals)))
        except OSError as error:
            raise self._broken(error) from None

    def flush(self) -> None:
        """Bring them to the disk."""
        if self._file is None:
            return
        try:
            self._file.flush()
            bring_to_disk(self._file)
        except OSError as error:
            raise self._broken(error) from None

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            # flush has told already
            with suppress(OSError):
                file.close()

    def _line(self, refusal: Refusal) -> bytes:
        told = {
            "output": self._name,
            "id": refusal.record.id,
            "detail": refusal.detail[:MAX_DETAIL],
            "record": refusal.record.body.decode(),
        }
        return json_escapes(json.dumps(told)).encode() + b"\n"

    def _broken(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path} (refused alerts) cannot be written: {error.strerror or error}")
