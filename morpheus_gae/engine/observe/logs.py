"""Logs: messages of a run on stderr, as plain text or one JSON object per line.

A line reports an event of the run; its fields are counts, names and files. Flows and host addresses are never
logged: they are in the alerts and the dead letters.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any

from morpheus_gae.flows.tables.printable import json_escapes, printable

LOGGER = logging.getLogger("morpheus_gae.run")

LEVELS = {"Warning: ": logging.WARNING, "Error: ": logging.ERROR}
"""Level by prefix of the line; others are information."""


TABLE = "summary"
"""The event whose text has several lines."""


class Line(str):
    """A log line with an event name and fields, for JSON output.

    Parameters
    ----------
    text
        A sentence.
    event
        Name of the event.
    fields
        Figures and names of the event.
    """

    __slots__ = ("event", "fields")

    event: str
    fields: dict[str, Any]

    def __new__(cls, text: str, event: str, **fields: Any) -> Line:
        """Create a string with attributes."""
        line = super().__new__(cls, text)
        line.event, line.fields = event, fields
        return line


class _Stderr(logging.StreamHandler[Any]):
    """Writes to the current ``sys.stderr``; a closed terminal does not end the run."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """``sys.stderr``."""
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the base class's
        """Drop the line."""


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time`` (UTC), ``level``, ``event``, ``message``, and further fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record as JSON."""
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line = record.getMessage()
        for start in LEVELS:
            line = line.removeprefix(start)
        told: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "message"),
            "message": line,
        }
        if record.name != LOGGER.name:
            told["logger"] = record.name
        told.update(getattr(record, "fields", None) or {})
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json_escapes(json.dumps(told, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """The line as text; control characters, such as in file names, are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record as one line; the summary of a run has several."""
        return printable(super().format(record), lines=getattr(record, "event", None) == TABLE)


def start_logging(kind: str = "text") -> None:
    """Log to stderr from now on, in this format.

    Parameters
    ----------
    kind
        ``text``: plain lines; ``json``: see ``JsonFormatter``, also for warnings of libraries and crashes.
    """
    handler = _Stderr()
    handler.setFormatter(JsonFormatter() if kind == "json" else TextFormatter("%(message)s"))
    LOGGER.handlers = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not isinstance(h, _Stderr)]
    logging.captureWarnings(kind == "json")
    sys.excepthook = _crashed if kind == "json" else sys.__excepthook__
    if kind == "json":
        root.addHandler(handler)


def is_json() -> bool:
    """Whether lines are JSON."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in LOGGER.handlers)


def say(line: str) -> None:
    """Log one line to the user.

    Parameters
    ----------
    line
        A sentence, or a ``Line``; the prefix ``Warning: `` or ``Error: `` sets its level.
    """
    if not LOGGER.handlers:
        start_logging()
    level = next((level for start, level in LEVELS.items() if line.startswith(start)), logging.INFO)
    LOGGER.log(level, "%s", line, extra=_extra(line))


def _extra(line: str) -> dict[str, Any]:
    return {"event": line.event, "fields": line.fields} if isinstance(line, Line) else {}


def _crashed(kind: Any, error: Any, trace: Any) -> None:
    LOGGER.critical("the program failed", exc_info=(kind, error, trace), extra={"event": "crash"})
