"""Text: formats a report as lines of at most 100 characters, with control characters escaped."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.inspect.report import Report

WIDTH = 100
_NAME = 14
_SHOWN = 40
"""Columns of a record that are shown, and characters of a value."""
FORMATS = {"csv": "CSV", "ndjson": "JSON", "parquet": "Parquet", "arrow": "Arrow IPC", "pcap": "packets"}


def text(report: Report) -> str:
    """Format a report."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield printable(report.source)
    if report.format:
        packed = f", {report.compression}" if report.compression else ""
        yield from _fact("format", f"{FORMATS[report.format]}{packed} (by {report.told_by})")
    elif not report.refused:
        yield from _fact("format", "packets of an interface")
    if report.refused:
        yield from _fact("refused", report.refused.removeprefix(f"{report.source}: "))
        found = ", ".join(f"{name} ({kind})" for name, kind in report.source_columns.items())
        if found:
            yield from _fact("columns", found)
    else:
        yield from _facts(report)
        yield from _columns(report)
        yield from _bad(report)
    yield from _examples(report)


def _facts(report: Report) -> Iterator[str]:
    told = f" (by {report.preset_told_by})" if report.preset_told_by else ""
    mark = f": it has {', '.join(report.mark)}" if report.mark else ""
    if report.preset:
        yield from _fact("columns of", f"{report.preset}{told}{mark}")
    first = "" if report.complete else "the first "
    rest = "" if report.complete else "; --rows 0 reads all"
    bad, skipped = sum(kind.count for kind in report.bad.values()), sum(report.skipped.values())
    yield from _fact(
        "records",
        f"{first}{report.records:,}: {report.records - bad - skipped:,} good, {bad:,} bad, "
        f"{skipped:,} left out{rest}",
    )
    yield from _fact("flows", f"{report.flows:,} between {report.hosts:,} hosts")
    if report.one_way and not report.paired + report.unpaired:
        yield from _fact("directions", "both in each of these records; others of this kind tell one")
    elif report.one_way:
        records = 2 * report.paired + report.unpaired
        share = _share(2 * report.paired / records if records else 0)
        yield from _fact(
            "directions", f"one a record; {share} of {records:,} one-way records found a partner"
        )
    else:
        yield from _fact("directions", "both in a record")
    if report.exchanged:
        values = ", ".join(report.exchanged["values"])
        yield from _fact(
            "", f"source and destination change places where {report.exchanged['column']} is {values}"
        )
    if report.first is not None:
        yield from _fact("starts", f"{report.first} to {report.last}")
    negative = report.noted.get("negative_duration", 0)
    put_right = f"; {negative:,} negative ones count as missing" if negative else ""
    yield from _fact("durations", f"{_share(report.durations_missing)} missing{put_right}")
    for name, counts in report.labels.items():
        yield from _fact("labels", f"{name}: {', '.join(f'{value} {n:,}' for value, n in counts.items())}")
    for reason, count in report.skipped.items():
        yield from _fact("left out", f"{count:,} {reason}")


def _columns(report: Report) -> Iterator[str]:
    if not report.columns:
        return
    wide = max(map(len, report.columns))
    yield ""
    yield f"  {'canonical column':<{wide}}  {'absent':>7}  made of"
    for name, column in report.columns.items():
        yield from _hung(f"  {name:<{wide}}  {_share(column.absent):>7}  ", column.made_of)


def _bad(report: Report) -> Iterator[str]:
    if not report.bad:
        return
    yield ""
    yield "  bad records"
    for reason, kind in sorted(report.bad.items(), key=lambda item: -item[1].count):
        yield from _hung(f"  {reason:<20} {kind.count:>9,}  ", f"first: record {kind.first:,}: {kind.detail}")


def _examples(report: Report) -> Iterator[str]:
    for example in report.examples:
        yield ""
        yield f"  record {example.row:,}"
        if example.before:
            yield from _fact("as it came", _record(example.before))
        if example.after:
            yield from _fact("as it is read", _record(example.after))


def _record(values: Mapping[str, Any]) -> str:
    told = [f"{name}={_value(value)}" for name, value in _flat(values) if value not in (None, "")]
    more = f" ... and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "  ".join(told[:_SHOWN]) + more


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names, dotted, and values of nested records."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _value(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."


def _share(share: float) -> str:
    """Format a percentage; values above 0 never show as 0."""
    return f"{share:.1%}" if share == 0 or share >= 0.0005 else "<0.1%"


def _fact(name: str, value: str) -> Iterator[str]:
    yield from _hung(f"  {name:<{_NAME}}", value)


def _hung(lead: str, value: str) -> Iterator[str]:
    """A value behind its name, in as many lines as it takes."""
    room = WIDTH - len(lead)
    lines = textwrap.wrap(printable(value), room, break_on_hyphens=False) or [""]
    yield f"{printable(lead)}{lines[0]}".rstrip()
    for line in lines[1:]:
        yield " " * len(lead) + line
