"""Look: reads a source as for scoring, and reports how."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.errors import GaeError, UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.exporters.mapping import ColumnMap, PresetLike
from morpheus_gae.flows.exporters.presets.names import AUTO, CANONICAL
from morpheus_gae.flows.exporters.values.infer_units import time_unit
from morpheus_gae.flows.files.interfaces import Switch
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.pairing.pair import Pairer, paired
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.flows.tables.cells import records
from morpheus_gae.flows.tables.concat import as_text, is_text
from morpheus_gae.flows.tables.numbers import BLANK
from morpheus_gae.flows.trace import Derived, Trace, Way, listening
from morpheus_gae.inspect.glance import glance
from morpheus_gae.inspect.made_of import made_of
from morpheus_gae.inspect.report import BadKind, Column, Example, Report

EXAMPLES = 3
BATCH_ROWS = 16_384
MOST_LABELS = 50
"""Values of a column of labels that are told; the rest is counted as ``(others)``."""
OTHERS = "(others)"
PARTNERS = {c.OUT_BYTES: c.IN_BYTES, c.OUT_PKTS: c.IN_PKTS}
"""What joined records take from the other one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def look(
    source: str,
    *,
    rows: int = 0,
    stdin_format: str | None = None,
    preset: PresetLike = None,
    switch: Switch | None = None,
) -> Report:
    """Examine a source.

    Parameters
    ----------
    source
        One file, ``-``, or an interface.
    rows
        Read only up to the block with this record; 0: read all.
    stdin_format, preset, switch
        See ``flows.readers.read.read_flows``.

    Returns
    -------
    Report
        Also for a source that is not readable as flows, with the reason.

    Raises
    ------
    UsageError
        If an option is invalid.
    """
    seen = _Seen(Report(source), rows)
    with listening() as trace:
        pairer = Pairer()
        batches = read_flows(
            source, batch_rows=BATCH_ROWS, stdin_format=stdin_format, preset=preset, switch=switch
        )
        try:
            for batch in paired(seen.limited(batches), pairer):
                seen.flows(batch.flows, trace)
        except UsageError:
            raise
        except GaeError as error:
            seen.report.refused = str(error)
        seen.finish(trace, preset, pairer)
    report = seen.report
    if report.refused or not report.source_columns:
        columns, examples = glance(source, trace.kind, EXAMPLES)
        if columns or examples:
            report.source_columns, report.examples = columns, examples
    return report


class _Seen:
    """Counts, batch by batch.

    Parameters
    ----------
    report
        What the counts go into.
    rows
        See ``look``.
    """

    def __init__(self, report: Report, rows: int) -> None:
        self.report, self._rows = report, rows
        self._bad: dict[str, BadKind] = {}
        self._skipped: Counter[str] = Counter()
        self._noted: Counter[str] = Counter()
        self._absent: Counter[str] = Counter()
        self._missing = 0
        self._labels: dict[str, Counter[str]] = {}
        self._hosts: set[bytes] = set()
        self._first: int | None = None
        self._last: int | None = None
        self._names: dict[str, Any] = {}

    def limited(self, batches: Iterator[FlowBatch]) -> Iterator[FlowBatch]:
        """The batches up to the one in which the last record is; what is no flow in them is counted."""
        report = self.report
        for batch in batches:
            report.records += len(batch.flows) + len(batch.bad) + batch.skipped.total()
            report.one_way = report.one_way or batch.flows.one_way
            self._skipped.update(batch.skipped)
            self._noted.update(batch.noted)
            for bad in batch.bad:
                kind = self._bad.setdefault(bad.reason.value, BadKind(0, bad.row, bad.detail))
                kind.count += 1
            yield batch
            if self._rows and report.records >= self._rows:
                report.complete = False
                return

    def flows(self, flows: Flows, trace: Trace) -> None:
        """Count flows as they would be scored."""
        if not len(flows):
            return
        report, table = self.report, flows.table
        before = report.flows
        report.flows += len(flows)
        self._missing += int(flows.duration_missing.sum())
        for name in c.CANONICAL:
            if name in table.column_names:
                if name not in self._names:
                    self._absent[name] += before
                    self._names[name] = table[name].slice(0, 1_000)
                self._absent[name] += _absent(table[name])
            elif name in self._names:
                self._absent[name] += len(flows)
        for name in (c.LABEL, c.ATTACK):
            if name in table.column_names:
                self._labels.setdefault(name, Counter()).update(_counted(table[name]))
        for hi, lo in ((flows.src_hi, flows.src_lo), (flows.dst_hi, flows.dst_lo)):
            self._hosts.update(_distinct(hi, lo))
        if flows.time_ms is not None:
            low, high = int(flows.time_ms.min()), int(flows.time_ms.max())
            self._first = low if self._first is None else min(low, self._first)
            self._last = high if self._last is None else max(high, self._last)
        if len(report.examples) < EXAMPLES:
            report.examples += _examples(flows, trace, EXAMPLES - len(report.examples))

    def finish(self, trace: Trace, preset: PresetLike, pairer: Pairer) -> None:
        """Fill the report."""
        report = self.report
        report.format, report.told_by, report.compression = trace.kind, trace.told_by, trace.compression
        if trace.layout is not None:
            report.preset = trace.layout.preset.name
        elif trace.before:
            report.preset = CANONICAL
        report.preset_told_by = _told_by(trace, preset)
        report.mark = list(trace.mark)
        if trace.before:
            report.source_columns = {f.name: str(f.type) for _, part in trace.before for f in part.schema}
        report.bad = self._bad
        report.skipped, report.noted = dict(self._skipped), dict(self._noted)
        report.paired, report.unpaired = pairer.paired, pairer.unpaired
        if trace.swap is not None:
            report.exchanged = {"column": trace.swap[0], "values": list(trace.swap[1])}
        flows = max(report.flows, 1)
        report.durations_missing = self._missing / flows
        for name in c.CANONICAL:
            if name in self._names:
                derived = trace.derived.get(name) or Derived(name)
                if not derived.ways and name in report.source_columns:
                    derived = _as_it_is(name, self._names[name])
                text = made_of(derived, PARTNERS.get(name, "") if pairer.paired else "")
                sources = [n for way in derived.ways for n in (way.name, way.minus) if n]
                unit = derived.ways[0].unit if derived.ways else ""
                share = self._missing if name == c.DURATION else self._absent[name]
                report.columns[name] = Column(text, [*sources, *derived.rate], unit, share / flows)
        for name, counts in self._labels.items():
            most = counts.most_common(MOST_LABELS)
            rest = counts.total() - sum(count for _, count in most)
            report.labels[name] = {**dict(most), **({OTHERS: rest} if rest else {})}
        report.first, report.last = _iso(self._first), _iso(self._last)
        report.hosts = len(self._hosts)


def _told_by(trace: Trace, preset: PresetLike) -> str:
    asked = preset.base if isinstance(preset, ColumnMap) else preset
    # packets have no exporter columns
    if trace.kind in ("", "pcap") or (trace.layout is not None and trace.layout.preset.name == "map"):
        return ""
    if asked not in (None, AUTO):
        return "--preset"
    if trace.mark:
        return "its columns"
    return "" if trace.layout is None else "the shape of its first line"


def _as_it_is(name: str, column: Any) -> Derived:
    """Of a column that has the canonical name already."""
    unit = time_unit(column) if name == c.FLOW_START else "ms" if name == c.DURATION else ""
    if name == c.FLOW_START and not unit.startswith("timestamp"):
        # whatever its size: this name says it
        unit = "ms"
    return Derived(name, (Way(name, unit),))


def _absent(column: pa.ChunkedArray) -> int:
    """Values that are null or blank."""
    if not is_text(column.type):
        return int(column.null_count)
    text = pc.fill_null(pc.utf8_trim_whitespace(as_text(column)), "")
    return int(pc.sum(pc.is_in(text, value_set=pa.array(BLANK, text.type))).as_py() or 0)


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    found = pc.value_counts(pc.fill_null(as_text(column), "(none)"))
    return dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True))


def _distinct(hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64]) -> set[bytes]:
    pairs = np.unique(np.stack([hi, lo], 1), axis=0)
    return {pair.tobytes() for pair in pairs}


def _examples(flows: Flows, trace: Trace, most: int) -> list[Example]:
    out = []
    names = [name for name in c.CANONICAL if name in flows.table.column_names]
    for i in range(min(most, len(flows))):
        row = int(flows.rows[i])
        before: dict[str, Any] = {}
        for rows, part in reversed(trace.before):
            at = np.flatnonzero(rows == row)
            if len(at):
                before = json.loads(records(part.slice(int(at[0]), 1))[0])
                break
        after = json.loads(records(flows.table.select(names).slice(i, 1))[0])
        out.append(Example(row, before, after))
    return out


def _iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
