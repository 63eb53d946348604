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


KNOWN = 1_024
"""Windows, the latest, of which more messages may come between those of others."""


class SeenWindows:
    """Reads size and times; a window that another stage split into messages counts with the first of them."""

    def __init__(self) -> None:
        self._known: dict[Any, None] = {}

    def of(self, message: Any) -> Seen:
        """Return size and times of a message's window; those of the message where nothing is stored."""
        meta = message.payload()
        count, *times = (integer(value) for value in read(message, SEEN, [meta.count]))
        if not times:
            with meta.mutable_dataframe() as frame:
                times = list(span(table_of(frame[[n for n in (c.FLOW_START,) if n in frame.columns]])))
        key = read(message, WINDOW)
        again = key in self._known
        if key is not None:
            self._known[key] = None
            if len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        return Seen(0 if again else count or 0, *times)
