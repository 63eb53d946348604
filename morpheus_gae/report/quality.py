"""Quality: how flows were read, and bad records."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from morpheus_gae.inspect.look import look

GLANCED = 20_000
"""Records of a file that are looked at to tell how it is read."""
MOST_FILES = 20
MOST_TEXT = 300


def formats(paths: list[str], preset: Any) -> list[dict[str, Any]]:
    """How each file is read, from its first records; of the first files alone.

    Parameters
    ----------
    paths
        Files of flows.
    preset
        See ``flows.readers.read.read_flows``.
    """
    found = []
    for path in paths[:MOST_FILES]:
        told = look(path, rows=GLANCED, preset=preset)
        found.append(
            {
                "source": path[:MOST_TEXT],
                "refused": told.refused[:MOST_TEXT],
                "format": f"{told.format}{f', {told.compression}' if told.compression else ''}",
                "layout": told.preset,
                "directions": "one-way records, joined" if told.one_way else "both in a record",
                "columns": [
                    {"name": name, "made_of": column.made_of[:MOST_TEXT], "absent": round(column.absent, 4)}
                    for name, column in told.columns.items()
                ],
            }
        )
    return found


def dead_letters(paths: list[str]) -> list[dict[str, Any]]:
    """Bad records that runs kept, by reason, with the first one's place.

    Parameters
    ----------
    paths
        Files of dead letters (``sinks.dead_letters``); those that are not there are none, and lines that are
        no dead letters are counted as ``unreadable line``.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for path in paths:
        if not Path(path).is_file():
            continue
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                reason, detail = _letter(line)
                counts[reason] += 1
                first.setdefault(reason, detail)
    return [
        {"reason": reason[:MOST_TEXT], "count": count, "first": first[reason]}
        for reason, count in counts.most_common(MOST_FILES)
    ]


def _letter(line: str) -> tuple[str, str]:
    try:
        told = json.loads(line)
        return (
            str(told["reason"]),
            f"{told['source']}, record {told['row']}: {told['detail']}"[:MOST_TEXT],
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return "unreadable line", ""
