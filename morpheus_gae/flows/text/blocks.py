"""Blocks: a text stream in pieces that end with a line, whatever its lines look like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from morpheus_gae.flows.files.stream import Stream, TruncatedError

BLOCK_BYTES = 8 << 20
MAX_LINE = 4 << 20
"""A line longer than this is no record: its beginning is kept as a bad one, the rest is skipped."""
KEPT = 1 << 16
"""Bytes kept of such a line."""
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole lines.

    Attributes
    ----------
    data
        Lines with their ends; only the last line of a stream may lack its end.
    overlong
        Whether ``data`` is the beginning of one line that is too long.
    bytes_read
        Bytes of input that it took.
    """

    data: bytes
    overlong: bool = False
    bytes_read: int = 0


def text_blocks(stream: Stream, size: int = BLOCK_BYTES, max_line: int = MAX_LINE) -> Iterator[Block]:
    """Cut a stream after line ends; a byte order mark is dropped.

    Parameters
    ----------
    stream
        Text. A live one gives smaller blocks, as lines come.
    size
        Bytes of a block, about.
    max_line
        Bytes of the longest line that is kept whole.

    Raises
    ------
    TruncatedError
        After all whole lines were given, with the cut line in ``tail``.
    """
    if stream.peek(len(BOM), lambda head: bool(head) and not BOM.startswith(head)) == BOM:
        stream.read(len(BOM))
    pending: list[bytes] = []
    length = taken = 0
    skipping = False
    while True:
        try:
            data = stream.read(size)
        except TruncatedError as error:
            raise TruncatedError(str(error), b"".join(pending)[:KEPT]) from None
        if not data:
            break
        if skipping:
            _, end, data = data.partition(b"\n")
            skipping = not end
        cut = data.rfind(b"\n") + 1
        if cut:
            at = stream.tell()
            yield Block(b"".join([*pending, memoryview(data)[:cut]]), bytes_read=at - taken)
            pending, length, taken = [], 0, at
        if not skipping and cut < len(data):
            pending.append(data[cut:])
            length += len(data) - cut
        if length > max_line:
            at = stream.tell()
            yield Block(b"".join(pending)[:KEPT], overlong=True, bytes_read=at - taken)
            pending, length, taken, skipping = [], 0, at, True
    if pending:
        yield Block(b"".join(pending), bytes_read=stream.tell() - taken)
