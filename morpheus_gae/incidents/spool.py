"""Spool: closed incidents on disk, until all can be ranked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType

from morpheus_gae.errors import OutputError
from morpheus_gae.incidents.incident import Incident


class Spool:
    """Incidents on disk; only rank and position are in memory.

    Raises
    ------
    OutputError
        If the disk of temporary files is full.
    """

    def __init__(self) -> None:
        try:
            # unlinked: removed with the process
            self._file = TemporaryFile("w+b", prefix="morpheus-gae-")  # noqa: SIM115
        except OSError as error:
            raise OutputError(f"no temporary file for incidents: {error.strerror}") from None
        self._places: list[tuple[float, str, int]] = []

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, incident: Incident) -> None:
        """Append a closed incident."""
        try:
            place = self._file.seek(0, 2)
            self._file.write(json.dumps(incident.as_dict()).encode() + b"\n")
        except OSError as error:
            raise OutputError(f"the temporary file for incidents cannot grow: {error.strerror}") from None
        self._places.append((-incident.pooled, incident.id, place))

    def ranked(self) -> Iterator[Incident]:
        """Yield all incidents in the order of ``records.ranked``."""
        for _, _, place in sorted(self._places):
            self._file.seek(place)
            yield Incident.from_dict(json.loads(self._file.readline()))
