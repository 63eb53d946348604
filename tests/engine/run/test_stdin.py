from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from morpheus_gae.engine.run.stdin import StoppableStdin


@pytest.fixture
def writer() -> Iterator[FileIO]:
    """The writing end of a pipe that is file descriptor 0 during a test."""
    saved = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    with FileIO(writing, "wb") as file:
        yield file
    os.dup2(saved, 0)
    os.close(saved)


def read_all() -> bytes:
    parts = []
    while part := os.read(0, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def test_everything_goes_through(writer: FileIO) -> None:
    data = b"".join(b"line %d\n" % i for i in range(50_000)) + b"no newline at the end"

    def feed() -> None:
        view = memoryview(data)
        while view:
            view = view[writer.write(view) :]
        writer.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    with StoppableStdin():
        assert read_all() == data
    feeder.join()


def test_stop_ends_the_input_after_a_whole_line(writer: FileIO) -> None:
    with StoppableStdin() as stdin:
        writer.write(b"one\ntwo\nhal")
        assert os.read(0, 100) == b"one\ntwo\n"
        stdin.stop()
        stdin.stop()
        assert read_all() == b""


def test_bytes_are_not_held_back_where_there_are_no_lines(writer: FileIO) -> None:
    with StoppableStdin(lines=False) as stdin:
        writer.write(b"\x01\x02")
        assert os.read(0, 100) == b"\x01\x02"
        stdin.stop()
        assert read_all() == b""


def test_leaving_frees_a_pump_that_waits_for_room(writer: FileIO) -> None:
    def feed() -> None:
        for _ in range(64):
            writer.write(b"x\n" * 4096)
        writer.close()

    feeder = threading.Thread(target=feed)
    with StoppableStdin():
        feeder.start()
        os.read(0, 1)
    # file descriptor 0 is what it was before, and the rest is still in it
    assert read_all()
    feeder.join()


def test_named_pipe_in_the_place_of_stdin(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    with StoppableStdin(path):
        with open(path, "wb") as out:
            out.write(b"a\nb\n")
        assert read_all() == b"a\nb\n"
