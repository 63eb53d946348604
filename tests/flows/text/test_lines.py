from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.text.line_kernels import UNREADABLE, count_objects, quotes_close
from morpheus_gae.flows.text.lines import Lines

texts = st.lists(
    st.sampled_from([b"\n", b"\r\n", b",", b'"', b"a", b"bc", b" ", b"\t", "é".encode(), b"\xff", b"\r"]),
    max_size=40,
).map(b"".join)


def plain_lines(text: bytes) -> list[bytes]:
    lines = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    return [line for line in lines if line.strip(b" \t\r")]


@settings(deadline=None)  # the first call compiles
@given(texts)
def test_lines_are_those_that_are_not_blank(text: bytes) -> None:
    lines, want = Lines(text), plain_lines(text)
    assert [lines.raw(i) for i in range(len(lines))] == want
    keep = np.arange(len(want)) % 2 == 0
    assert plain_lines(lines.kept(keep)) == want[::2]
    assert lines.not_utf8().tolist() == [line.decode("utf-8", "replace").encode() != line for line in want]


@settings(deadline=None)
@given(texts)
def test_quotes(text: bytes) -> None:
    counts = Lines(text).columns(",")
    for line, count in zip(plain_lines(text), counts, strict=True):
        if b'"' not in line:
            assert count == (UNREADABLE if b"\r" in line else line.count(b",") + 1)
    if b"\r" not in text:
        assert quotes_close(np.frombuffer(text, np.uint8), ord(",")) == (UNREADABLE not in counts)


def test_columns_by_the_rules_of_quotes() -> None:
    lines = [b'1,"a,b",3', b'1,a"b,3', b'"a""b",c', b'"a"x,c', b'1,"open', b'""', b"a\rb", b",,"]
    assert Lines(b"\n".join(lines)).columns(",").tolist() == [3, 3, 2, 2, UNREADABLE, 1, UNREADABLE, 3]


def test_objects_are_counted_only_where_every_line_begins_as_one() -> None:
    def count(text: bytes) -> int:
        return count_objects(np.frombuffer(text, np.uint8))

    assert count(b'{"a":1}\n\n  {"b":"{[\\""}\r\n{}') == 3
    assert count(b"") == count(b"\n \n") == 0
    for odd in (b"null", b"[1]", b"x", b'{"a":1}\r{"a":2}', b'{"a":' * 80 + b"1" + b"}" * 80):
        assert count(b"{}\n" + odd + b"\n{}\n") == -1
