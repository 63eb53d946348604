"""Names of models: they stand in alerts, in logs, on terminals and in paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from morpheus_gae.errors import UsageError

MOST_NAME = 100


def name_flaw(name: Any) -> str | None:
    """What is wrong with a model's name, which stands in alerts, logs and paths; None if nothing is."""
    if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME:
        return f"must be a text of 1 to {MOST_NAME} characters"
    if not name.isprintable():
        return "holds characters that cannot be printed"
    if set(name) & {"/", "\\"} or name.startswith("."):
        return "must not begin with a dot or hold / or \\"
    return None


def check_name(name: str | None, folder: Path) -> str:
    """Name of a model that is to be trained: the one that is given, else the folder's.

    Raises
    ------
    UsageError
        If a model of that name would not be loaded again.
    """
    chosen = name or (folder if folder.name not in ("", "..") else folder.resolve()).name
    flaw = name_flaw(chosen)
    if flaw is not None:
        raise UsageError(f"--name: the name of a model {flaw}, {chosen!a:.120} does not do")
    return chosen


def printable(text: str) -> str:
    """The text on one line, with nothing that a terminal would act on."""
    return "".join(c if c.isprintable() else " " for c in text)
