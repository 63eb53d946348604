from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.files.stream import Stream, TruncatedError
from morpheus_gae.flows.text.blocks import KEPT, text_blocks


def stream_of(data: bytes, *, breaks: bool = False) -> Stream:
    at = 0

    def read(n: int) -> bytes:
        nonlocal at
        part = data[at : at + n]
        at += len(part)
        if breaks and not part:
            raise TruncatedError("broken")
        return part

    return Stream(read, lambda: at, lambda: None)


@given(st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=9), st.integers(1, 30))
def test_nothing_is_lost_and_lines_stay_whole(lines: list[bytes], size: int) -> None:
    data = b"\n".join(lines)
    blocks = list(text_blocks(stream_of(data), size))
    assert b"".join(b.data for b in blocks) == data.removeprefix(b"\xef\xbb\xbf")
    assert all(b.data.endswith(b"\n") for b in blocks[:-1])
    if blocks:
        assert sum(b.bytes_read for b in blocks) == len(data)


def test_the_byte_order_mark_goes_however_it_comes() -> None:
    for size in (1, 2, 100):
        assert b"".join(b.data for b in text_blocks(stream_of(b"\xef\xbb\xbfa\nb\n"), size)) == b"a\nb\n"
    assert [b.data for b in text_blocks(stream_of(b"\xef\xbb"))] == [b"\xef\xbb"]


def test_a_monstrous_line_is_cut_and_the_next_one_is_fine() -> None:
    data = b"first\n" + b"x" * 500_000 + b"\nlast\n"
    for size in (100, 4096, 100_000):
        blocks = list(text_blocks(stream_of(data), size, max_line=200_000))
        (overlong,) = (b for b in blocks if b.overlong)
        assert set(overlong.data) == {ord("x")}
        assert len(overlong.data) <= KEPT
        assert b"".join(b.data for b in blocks if not b.overlong) == b"first\nlast\n"


def test_a_broken_stream_gives_whole_lines_and_then_what_was_cut() -> None:
    blocks = text_blocks(stream_of(b"a\nb\ncut", breaks=True), 3)
    assert next(blocks).data + next(blocks).data == b"a\nb\n"
    with pytest.raises(TruncatedError) as caught:
        next(blocks)
    assert caught.value.tail == b"cut"
