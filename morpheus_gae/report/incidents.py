"""Incidents of a report: folded from its alerts, or read from a file and validated."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.errors import InputError
from morpheus_gae.incidents.fold import CLOSED, Change
from morpheus_gae.incidents.records import ranked, record
from morpheus_gae.incidents.severity import LEVELS

MOST = 2_000
"""Incidents of a page, the most severe."""
MOST_NAMES = 50
MOST_TEXT = 500
TEXT = (
    *("id", "state", "kind", "technique", "technique_name", "tactic_name"),
    *("severity", "first_seen", "last_seen", "summary"),
)
NUMBERS = (
    *("false_a_day", "seconds", "flows", "source_count", "target_count", "service_count"),
    *("bytes_out", "bytes_in", "median_bytes", "period_seconds", "surprise", "surprise_pooled"),
    *("share_pair", "share_flow", "share_graph"),
)
LISTS = ("sources", "targets", "services", "facts")
NEEDED = ("id", "kind", "severity", "summary", "surprise_pooled")


def folded(changes: Iterable[Change], daily: float, model: str) -> list[dict[str, Any]]:
    """Closed incidents of a fold, the most severe first.

    Parameters
    ----------
    changes
        Of a fold that has finished.
    daily
        Flows a day, for severity.
    model
        ``name@hash``.
    """
    closed = [change._replace(daily=daily) for change in changes if change.state == CLOSED]
    return [checked(record(change, model)) for change in ranked(closed)]


def read_incidents(path: str) -> list[dict[str, Any]]:
    """Incidents of a file that ``morpheus-gae incidents`` or a pipeline wrote, the most severe first.

    Parameters
    ----------
    path
        ``.jsonl``, ``.ndjson``, ``.parquet`` or ``.arrow``. Of records with the same id the last counts.

    Raises
    ------
    InputError
        If it cannot be read, or holds something else.
    """
    by_id: dict[str, dict[str, Any]] = {}
    try:
        for row in _rows(path):
            missing = [name for name in NEEDED if not isinstance(row, dict) or row.get(name) is None]
            if missing:
                raise InputError(f"{path} holds no incidents: a record has no {', '.join(missing)}")
            by_id[str(row["id"])] = checked(row)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError, pa.ArrowException) as error:
        raise InputError(f"{path} holds no incidents: {str(error).splitlines()[0]}") from None
    return sorted(by_id.values(), key=lambda one: (-(one["surprise_pooled"] or 0.0), one["id"]))


def checked(row: dict[str, Any]) -> dict[str, Any]:
    """A record with the keys that are known, each of its type; whatever else it has is left out."""
    severities = [name for name, _ in LEVELS]
    out: dict[str, Any] = {}
    for name in TEXT:
        out[name] = None if row.get(name) is None else str(row[name])[:MOST_TEXT]
    for name in NUMBERS:
        value = row.get(name)
        finite = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        out[name] = value if finite else None
    for name in LISTS:
        value = row.get(name)
        out[name] = [str(v)[:MOST_TEXT] for v in value[:MOST_NAMES]] if isinstance(value, list) else []
    out["severity"] = out["severity"] if out["severity"] in severities else "low"
    out["counts_are_least"] = row.get("counts_are_least") is True
    return out


def _rows(path: str) -> Iterator[Any]:
    kind = Path(path).suffix
    if kind == ".parquet":
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    elif kind == ".arrow":
        with pa.OSFile(path) as raw:
            for batch in pa.ipc.open_stream(raw):
                yield from batch.to_pylist()
    else:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)
