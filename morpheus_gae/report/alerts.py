"""Alerts of a report: the most anomalous ones individually, and counts of all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.detect.alert_fields import AlertFields
from morpheus_gae.detect.explained import FACTS
from morpheus_gae.incidents.flagged import Flagged
from morpheus_gae.incidents.records import service_name
from morpheus_gae.report.hosts import Hosts
from morpheus_gae.report.slots import Slots

MOST_SLOTS = 240
MOST_COLUMNS = 8
"""Maximum number of other text columns passed through."""
MOST_VALUES = 2_000
"""Different values of such a column; one with more tells each flow by itself, and stays behind."""
MOST_TEXT = 300
NUMBERS = ("contribution_", "percentile_")
"""Beginnings of the names of columns that explain an alert in numbers."""
PARTS = ("pair", "flow", "graph")


class Alerts:
    """Collects alerts, batch by batch.

    Parameters
    ----------
    most
        Alerts that are kept one by one: those with the most surprise.

    Attributes
    ----------
    count
        All of them.
    hosts
        Statistics by host.
    timeline
        Counts by time and severity (0 low, 1 medium, 2 high).
    threshold
        The latest, in nats; None before the first alert.
    models
        Alerts by ``name@hash``.
    """

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0
        self.hosts = Hosts()
        self.timeline = Slots(3, MOST_SLOTS)
        self.threshold: float | None = None
        self.models: Counter[str] = Counter()
        self.timed = 0
        self._kept: pa.Table | None = None

    def add(self, table: pa.Table) -> None:
        """Add alert rows (``incidents.alerts_file.checked``)."""
        if not table.num_rows:
            return
        fields, flows = AlertFields.of(table), Flagged.of(table)
        self.count += len(flows)
        self.timed += int(flows.timed.sum())
        self.threshold = float(flows.threshold[-1])
        found = pc.value_counts(fields.model)
        self.models.update(dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True)))
        self.timeline.add(flows.start[flows.timed], fields.severity[flows.timed].astype(np.int64))
        self.hosts.add(flows)
        rows = _rows(fields, flows)
        kept = rows if self._kept is None else pa.concat_tables([self._kept, rows], promote_options="default")
        if kept.num_rows > self.most:
            order = np.argsort(-np.asarray(kept["surprise"]), kind="stable")[: self.most]
            kept = kept.take(pa.array(np.sort(order)))
        self._kept = kept

    def listed(self) -> dict[str, Any]:
        """The alerts that are kept, by start, as columns for the page.

        Returns
        -------
        dict
            ``n``; ``names`` (hosts, services, why: text that columns point into); ``start`` in milliseconds,
            each but the first as its distance to the one before, 0 for all where ``timed`` is false;
            ``surprise`` and its parts in hundredths of a nat; ``more``: other columns of text;
            ``numbers`` and ``facts``: what explains them.
        """
        if self._kept is None:
            return {"n": 0, "timed": False}
        start = np.asarray(self._kept["start"])
        table = self._kept.take(pa.array(np.argsort(start, kind="stable")))
        start = np.sort(start)
        hosts = pa.chunked_array([*table["src"].chunks, *table["dst"].chunks]).combine_chunks()
        hosts = _coded(hosts)
        n = table.num_rows
        out: dict[str, Any] = {
            "n": n,
            "timed": bool(self.timed),
            "hosts": hosts["names"],
            "src": hosts["at"][:n],
            "dst": hosts["at"][n:],
            "service": _coded(table["service"].combine_chunks()),
            "why": _coded(table["why"].combine_chunks()),
            "start": np.diff(start, prepend=0).tolist(),
            "id": table["id"].to_pylist(),
            "severity": table["severity"].to_pylist(),
            "up": table["up"].to_pylist(),
            "down": table["down"].to_pylist(),
            "duration": table["duration"].to_pylist(),
        }
        for name in ("surprise", *PARTS):
            out[name] = np.rint(100 * np.asarray(table[name])).astype(np.int64).tolist()
        out["more"] = {}
        for name in table.column_names:
            if name.startswith("+") and len(out["more"]) < MOST_COLUMNS:
                coded = _coded(table[name].combine_chunks())
                if len(coded["names"]) <= MOST_VALUES:
                    out["more"][name[1:]] = coded
        out["numbers"] = {
            name[1:]: [None if v is None else round(v, 3) for v in table[name].to_pylist()]
            for name in table.column_names
            if name.startswith("#")
        }
        if FACTS in table.column_names:
            out[FACTS] = [_sentences(value) for value in table[FACTS].to_pylist()]
        return out


def _rows(fields: AlertFields, flows: Flagged) -> pa.Table:
    """One row an alert, of plain columns."""
    service, at = np.unique(flows.service, return_inverse=True)
    named = [service_name(f"{(int(s) >> 20) - 1}/{(int(s) & (1 << 20) - 1) - 1}") for s in service]
    duration = np.asarray(pc.fill_null(fields.duration_ms, -1.0), np.float64)
    columns = {
        "id": fields.id,
        "src": fields.src,
        "dst": fields.dst,
        "service": pa.array(named, pa.string()).take(pa.array(at)),
        "why": fields.why,
        "start": flows.start,
        "up": flows.up.astype(np.int64),
        "down": flows.down.astype(np.int64),
        "duration": np.where(np.isfinite(duration), np.clip(duration, -1, 2.0**53), -1).astype(np.int64),
        "severity": fields.severity,
        "surprise": flows.surprise,
        **dict(zip(PARTS, flows.parts.T, strict=True)),
    }
    table = pa.table({k: pa.array(v) if isinstance(v, np.ndarray) else v for k, v in columns.items()})
    others = {name: fields.rest[name] for name in fields.rest.column_names}
    for name, column in {**others, **fields.explained}.items():
        if name == FACTS:
            if (facts := _facts(column)) is not None:
                table = table.append_column(name, facts)
        elif name.startswith(NUMBERS) and (numbers := _numbers(column)) is not None:
            table = table.append_column(f"#{name}", numbers)
        elif (text := _text(column)) is not None:
            table = table.append_column(f"+{name}", text)
    return table


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Values of a column of text; None of any other."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return column.cast(pa.string()) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None


def _facts(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Lists of text; None of any other column."""
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return None
    inside = kind.value_type
    if not (pa.types.is_string(inside) or pa.types.is_large_string(inside) or pa.types.is_null(inside)):
        return None
    return column.cast(pa.list_(pa.string()))


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Finite values of a column of numbers, null for others; None of any other column."""
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return None
    values = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def _coded(values: pa.Array) -> dict[str, Any]:
    """Different values, shortened, and for each row which one it has; null is empty."""
    coded = pc.fill_null(values, "").dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    names = [text[:MOST_TEXT] for text in coded.dictionary.to_pylist()]
    return {"names": names, "at": np.asarray(coded.indices, np.int64).tolist()}


def _sentences(value: Any) -> list[str]:
    return [str(sentence)[:MOST_TEXT] for sentence in (value or [])[:MOST_COLUMNS]]
