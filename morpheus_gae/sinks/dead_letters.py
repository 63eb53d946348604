"""Dead letters: writes bad records with their reason."""

from __future__ import annotations

import json
from collections import Counter
from typing import BinaryIO

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.bad import BadRecord
from morpheus_gae.flows.tables.printable import json_escapes
from morpheus_gae.sinks.alone import open_alone

MAX_TEXT = 65_536


def dead_letter(record: BadRecord) -> bytes:
    """Format a bad record as a JSON line."""
    told = {
        "reason": record.reason.value,
        "source": record.source,
        "row": record.row,
        "detail": record.detail[:MAX_TEXT],
        "record": record.record[:MAX_TEXT],
    }
    return json_escapes(json.dumps(told)).encode() + b"\n"


class DeadLetters:
    """Counts bad records by reason and writes them as NDJSON.

    Parameters
    ----------
    path
        File, created at the first bad record (an existing one is replaced); None: only count.

    Attributes
    ----------
    counts
        Bad records by reason.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._file: BinaryIO | None = None

    def add(self, records: list[BadRecord]) -> None:
        """Write records, in order.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        self.counts.update(r.reason.value for r in records)
        if self.path is None or not records:
            return
        lines = b"".join(map(dead_letter, records))
        try:
            if self._file is None:
                self._file = open_alone(self.path)
            self._file.write(lines)
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path} (dead letters) cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
