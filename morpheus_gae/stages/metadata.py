"""Metadata: the keys under which our stages store values on messages, and the functions that do it.

In GPU mode the host passes metadata through JSON: values are text, numbers, None and lists of these, and an
integer may come back as a float.
"""

from __future__ import annotations

from typing import Any

__all__ = ["DONE", "ORIGIN", "SEEN", "THRESHOLD", "WINDOW", "integer", "read", "write"]

WINDOW = "morpheus_gae.window"
"""Key of the waiting window (``stages.waiting``), from build-graph on: text."""

SEEN = "morpheus_gae.seen"
"""Flows of the window and, unless on a device, their times (``engine.seen.Seen``), from infer-gae on."""

THRESHOLD = "morpheus_gae.threshold"
"""Threshold on the surprise in nats, from flag-anomalies on."""

DONE = "morpheus_gae.done"
"""Positions reached once the message is delivered (``flows.frame.Position``), from from-netflow on."""

ORIGIN = "morpheus_gae.origin"
"""Partition of the flows (``engine.run.by_partition.Origin``), from build-graph on."""


def read(message: Any, key: str, default: Any = None) -> Any:
    """Return the value of a key; ``default`` if the message has none."""
    return message.get_metadata(key) if message.has_metadata(key) else default


def write(message: Any, key: str, value: Any) -> None:
    """Store a value that JSON can represent."""
    message.set_metadata(key, value)


def integer(value: Any) -> Any:
    """Undo what JSON does to integers: return floats as int, other values unchanged."""
    return int(value) if isinstance(value, float) else value
