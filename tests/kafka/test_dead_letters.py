"""Dead letters: they come with their window, none is dropped, and a full disk ends the run."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.frame import Position
from morpheus_gae.kafka.dead_letters import DeadLetter, DeadLetters, FilePost


def letter(offset: int, value: bytes = b"x") -> DeadLetter:
    return DeadLetter("t", 0, offset, -1, "unreadable_message", "no flow", value)


class Kept:
    """A post that remembers."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.flushed = 0

    def write(self, dead_letters: Sequence[DeadLetter]) -> None:
        self.written += [one.offset for one in dead_letters]

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        """Nothing to close."""


def test_letters_come_with_their_window() -> None:
    post = Kept()
    dead_letters = DeadLetters(post)
    dead_letters.hold("t#1", 0, [letter(o) for o in (3, 5, 9)])
    dead_letters.send([Position("t#1", 0, 3)])
    assert (post.written, post.flushed) == ([], 0)
    dead_letters.send([Position("t#1", 0, 6)])
    assert (post.written, post.flushed) == ([3, 5], 1)
    dead_letters.forget(lambda source, partition: False)
    dead_letters.send([Position("t#1", 0, 100)])
    assert post.written == [3, 5]


def test_too_many_wait_for_their_window() -> None:
    post = Kept()
    dead_letters = DeadLetters(post, most_bytes=1000)
    held = threading.Event()

    def hold() -> None:
        for offset in range(10):
            dead_letters.hold("t#1", 0, [letter(offset, b"x" * 200)])
        held.set()

    threading.Thread(target=hold, daemon=True).start()
    assert not held.wait(0.2)
    for _ in range(1000):
        dead_letters.send([Position("t#1", 0, 10)])
        if held.wait(0.01):
            break
    assert held.is_set()
    dead_letters.send([Position("t#1", 0, 10)])
    assert post.written == list(range(10))


def test_a_flood_is_slowed_down_and_not_dropped() -> None:
    post = Kept()
    dead_letters = DeadLetters(post, rate=1e6, burst=10, clock=lambda: 0.0)
    dead_letters.hold("t#1", 0, [letter(o) for o in range(100)])
    dead_letters.send([Position("t#1", 0, 100)])
    assert post.written == list(range(100))
    assert dead_letters.delayed == 90


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    path.write_bytes(b'{"reason": "earlier"}\n{"torn')
    post = FilePost(str(path))
    post.write([letter(1, b"text"), letter(2, b"\xff\x00")])
    post.flush()
    post.close()
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert told[0] == {"reason": "earlier"}
    assert (told[1]["offset"], told[1]["record"]) == (1, "text")
    assert (told[2]["offset"], told[2]["record_base64"]) == (2, "/wA=")


def test_a_full_disk(tmp_path: Path) -> None:
    dead_letters = DeadLetters(FilePost("/dev/full"))
    dead_letters.hold("t#1", 0, [letter(1)])
    with pytest.raises(OutputError, match=r"dead letters\) cannot be written: No space left"):
        dead_letters.send([Position("t#1", 0, 2)])
    dead_letters.post.close()
