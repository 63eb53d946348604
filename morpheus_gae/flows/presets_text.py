"""Delimited text as exporters write it: preambles, comments, summaries, and columns that are no numbers."""

from __future__ import annotations

import numpy as np

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.lines import Lines
from morpheus_gae.flows.presets import Layout
from morpheus_gae.flows.presets_table import Preset

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
