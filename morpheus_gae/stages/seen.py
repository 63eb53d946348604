"""Seen: size and times of a message's window, since to-alerts gets only the rows that other stages left."""

from __future__ import annotations

from typing import Any

from morpheus_gae.engine.seen import Seen, span
from morpheus_gae.flows import columns as c
from morpheus_gae.stages.frames import table_of
from morpheus_gae.stages.metadata import SEEN, WINDOW, integer, read, write


def note_seen(message: Any, flows: Any) -> None:
    """Store size and times of the window on its message; on a device only the size, to avoid a copy."""
    seen = list(Seen.of(flows)) if hasattr(flows, "table") else [len(flows)]
    write(message, SEEN, seen)


class SeenWindows:
    """Reads size and times; windows that another stage split into messages count once."""

    def __init__(self) -> None:
        self._latest: Any = None

    def of(self, message: Any) -> Seen:
        """Return size and times of a message's window; those of the message where nothing is stored."""
        meta = message.payload()
        count, *times = (integer(value) for value in read(message, SEEN, [meta.count]))
        if not times:
            with meta.mutable_dataframe() as frame:
                times = list(span(table_of(frame[[n for n in (c.FLOW_START,) if n in frame.columns]])))
        key = read(message, WINDOW)
        again, self._latest = key is not None and key == self._latest, key
        return Seen(0 if again else count or 0, *times)
