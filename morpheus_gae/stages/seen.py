"""Seen: a message tells what its window had, since to-alerts gets flagged rows alone, or what others left."""

from __future__ import annotations

from typing import Any

from morpheus_gae.engine.seen import Seen, span
from morpheus_gae.flows import columns as c
from morpheus_gae.stages.frames import table_of
from morpheus_gae.stages.waiting import KEY

SEEN = "morpheus_gae.seen"
"""Metadata key: number of flows of the window, then, if they were on the host, when they were (``Seen``)."""


def note_seen(message: Any, flows: Any) -> None:
    """Note on a message what its window has: on a device the number of flows alone, which no copy is for."""
    seen = list(Seen.of(flows)) if hasattr(flows, "table") else [len(flows)]
    message.set_metadata(SEEN, seen)


class SeenWindows:
    """Reads what was noted; windows that a stage in between cut into messages count once."""

    def __init__(self) -> None:
        self._latest: Any = None

    def of(self, message: Any) -> Seen:
        """What the window of a message had; where nothing is noted, what the message has."""
        meta = message.payload()
        noted = message.get_metadata(SEEN) if message.has_metadata(SEEN) else [meta.count]
        # JSON in between may have made a float of an integer
        count, *times = (None if value is None else int(value) for value in noted)
        if not times:
            with meta.mutable_dataframe() as frame:
                times = list(span(table_of(frame[[n for n in (c.FLOW_START,) if n in frame.columns]])))
        key = message.get_metadata(KEY) if message.has_metadata(KEY) else None
        again, self._latest = key is not None and key == self._latest, key
        return Seen(0 if again else count or 0, *times)
