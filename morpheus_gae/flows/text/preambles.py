"""Delimited text as exporters write it: preambles, comments, summaries, and columns that are no numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.layout import Layout, choose
from morpheus_gae.flows.exporters.mapping import MAP, ColumnMap, PresetLike
from morpheus_gae.flows.exporters.presets.names import CANONICAL, spelled
from morpheus_gae.flows.exporters.presets.shapes import shape_of
from morpheus_gae.flows.exporters.presets.table import Preset
from morpheus_gae.flows.text.lines import Lines, is_utf8

I64 = npt.NDArray[np.int64]

_FIELDS = b"#fields"
_PREAMBLE = (
    *(b"#separator", b"#set_separator", b"#empty_field", b"#unset_field"),
    *(b"#path", b"#open", b"#types"),
)


def header_of(line: bytes) -> bytes:
    """The header in a line; empty for a blank line, and for those that Zeek writes before it."""
    text = line.strip()
    if text.startswith(_FIELDS):
        return text[len(_FIELDS) :].lstrip()
    return b"" if text.startswith(_PREAMBLE) else line.strip(b"\r\n") and line


def layout_of(given: list[str], preset: PresetLike) -> tuple[list[str], Layout | None, bool]:
    """Names and layout of a text source.

    Parameters
    ----------
    given
        Values of its first line.
    preset
        Whose they are; told by the values if None.

    Returns
    -------
    names
        Of its columns.
    layout
        Theirs.
    told
        Whether the line told the names, and is not a record already.

    Raises
    ------
    UsageError
        If there is no preset of that name.
    """
    layout = choose(given, preset)
    asked = preset.base if isinstance(preset, ColumnMap) else preset
    if asked is not None and spelled(asked) == CANONICAL:
        return given, layout, True
    unknown = layout is None or layout.preset.name == MAP
    shape = shape_of(given) if layout is None or unknown or layout.preset.header else None
    if shape is not None and (layout is None or layout.preset.name in (MAP, shape.preset.name)):
        name = shape.preset.name
        known = replace(preset, base=name) if isinstance(preset, ColumnMap) else name
        return list(shape.header), choose(shape.header, known), False
    usual = layout.preset.header if layout is not None else ()
    told = not usual or not set(usual).isdisjoint(given)
    return given if told else list(usual), layout, told


def without_line(data: bytes, line: bytes) -> tuple[bytes, I64, int]:
    """Lines without those that are one line again.

    Returns
    -------
    bytes
        The lines that stay.
    int64 [E]
        Number of each of them among all lines that are not blank.
    int
        Lines taken out.
    """
    if not line or not (data.startswith(line) or b"\n" + line in data):
        return data, np.zeros(0, np.int64), 0
    lines = Lines(data)
    alike = np.flatnonzero(lines.stops - lines.starts == len(line))
    again = np.zeros(len(lines), bool)
    again[alike] = [lines.raw(i) == line for i in alike.tolist()]
    return lines.kept(~again), np.flatnonzero(~again), int(again.sum())


def readable(data: bytes, preset: Preset) -> bytes:
    """Whole lines in UTF-8, of which some may be in the encoding that a preset names."""
    if not preset.encoding or is_utf8(data):
        return data
    lines = Lines(data)
    parts, at = [], 0
    for i in np.flatnonzero(lines.not_utf8()).tolist():
        start, stop = int(lines.starts[i]), int(lines.stops[i])
        parts += [data[at:start], data[start:stop].decode(preset.encoding, "replace").encode()]
        at = stop
    return b"".join([*parts, data[at:]])


def records_only(data: bytes, preset: Preset) -> tuple[bytes, bool]:
    """Whole lines without comments and without a summary at the end.

    Returns
    -------
    bytes
        The lines that are records.
    bool
        Whether a summary began, after which no record comes.
    """
    ended = False
    if preset.ends:
        mark = preset.ends.encode()
        at = 0 if data.startswith(mark) else data.find(b"\n" + mark) + 1
        ended = at > 0 or data.startswith(mark)
        data = data[:at] if ended else data
    comment = preset.comment.encode()
    if comment and (data.startswith(comment) or b"\n" + comment in data):
        lines = Lines(data)
        data = lines.kept(lines.data[lines.starts] != np.uint8(comment[0]))
    return data, ended


def text_columns(layout: Layout | None) -> list[str]:
    """Columns that are text, whatever their values look like: digits and dots are an address, no number."""
    names = list(c.ADDRESSES)
    if layout is not None:
        given = [n for column in c.ADDRESSES for n in layout.preset.fields.get(column, ())]
        names += [layout.prefix + n for n in (*given, *layout.preset.text)]
        # nobody looks at these, or only for what a map makes of them
        names += [*layout.preset.ignored, *layout.preset.over]
    return names
