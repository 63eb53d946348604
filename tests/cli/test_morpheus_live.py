"""The command as a process of its own, reading a pipe that stays open."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

STDIN = ("--input", "-", "--format", "ndjson")
ROOT = Path(__file__).parents[2]
Start = Callable[..., subprocess.Popen[bytes]]


def flows(start: int, stop: int) -> bytes:
    rows = (
        {
            "IPV4_SRC_ADDR": f"10.0.0.{i}",
            "IPV4_DST_ADDR": "10.0.1.1",
            "IN_BYTES": i,
            "OUT_BYTES": 5,
            "FLOW_DURATION_MILLISECONDS": 7,
        }
        for i in range(start, stop)
    )
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def run(*args: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.cli.toy_morpheus", "run", "pipeline-gae", "--model", "toy"]
        process = subprocess.Popen(
            [*command, "--threshold", "0", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def numbers(lines: list[bytes]) -> list[int]:
    return [json.loads(line)["IN_BYTES"] for line in lines]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_the_last_short_window_is_written(start: Start, number: signal.Signals) -> None:
    process = start(*STDIN, "--graph_size", "5")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(flows(0, 7))
    process.stdin.flush()
    first = [process.stdout.readline() for _ in range(5)]
    assert numbers(first) == [0, 1, 2, 3, 4]
    # stdin stays open: only the signal can end the run
    process.send_signal(number)
    rest = process.stdout.read().splitlines()
    assert process.wait() == 0, process.stderr.read().decode() if process.stderr else ""
    assert numbers(rest) == [5, 6]
    assert process.stderr is not None
    told = process.stderr.read().decode()
    assert "bad records" in told
    assert "Traceback" not in told


def test_a_named_pipe_is_stopped_just_so(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "flows.jsonl"
    os.mkfifo(path)
    process = start("--input", str(path), "--graph_size", "5")
    assert process.stdout is not None
    with path.open("wb", buffering=0) as pipe:
        pipe.write(flows(0, 7))
        first = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().splitlines()
        assert process.wait() == 0
    assert numbers(first + rest) == list(range(7))


def test_a_slow_stream_is_flushed_by_the_clock(start: Start) -> None:
    process = start(*STDIN, "--window_seconds", "0.05")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(flows(0, 3))
    process.stdin.flush()
    # stdin stays open, and far fewer flows came than a window holds
    assert numbers([process.stdout.readline() for _ in range(3)]) == [0, 1, 2]
    process.stdin.close()
    assert process.wait() == 0


def test_the_first_flows_do_not_wait_for_more_while_the_format_is_found_out(start: Start) -> None:
    process = start("--input", "-", "--window_seconds", "0.05")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(flows(0, 3))
    process.stdin.flush()
    # a limit, not a measurement: where the first block is held back this would wait for ever
    came, _, _ = select.select([process.stdout], [], [], 60)
    assert came, "the first block was held back until more came"
    assert numbers([process.stdout.readline() for _ in range(3)]) == [0, 1, 2]


def test_end_of_input_writes_the_rest(start: Start) -> None:
    process = start(*STDIN, "--graph_size", "4")
    out, err = process.communicate(flows(0, 10))
    assert process.returncode == 0, err.decode()
    assert numbers(out.splitlines()) == list(range(10))


def test_a_reader_that_leaves_is_no_traceback(start: Start) -> None:
    process = start(*STDIN, "--graph_size", "1")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(flows(0, 7))
    process.stdin.close()
    assert process.wait() == 1
    told = process.stderr.read().decode()
    assert told.splitlines()[-1].endswith("the reader of the output is gone")
    assert "Exception" not in told
