"""A sink that is slow: reading pauses, memory stays bounded, the group keeps us, and nothing comes twice."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("confluent_kafka")

import pyarrow as pa

from morpheus_gae.sinks.append import AppendSink
from tests.flows import rows
from tests.kafka.command import Command
from tests.kafka.front import HEARTBEAT, JOIN, PRODUCE, Front
from tests.kafka.front_run import topics, urls
from tests.kafka.run import lines

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

PREFIX = "MORPHEUS_GAE_KAFKA_"
# who does not poll for so long is no longer of the group
QUICK = {
    f"{PREFIX}SESSION_TIMEOUT_MS": "10000",
    f"{PREFIX}CONSUMER_MAX_POLL_INTERVAL_MS": "10000",
    f"{PREFIX}CONSUMER_HEARTBEAT_INTERVAL_MS": "500",
}
MEGABYTE = 1 << 20


def outlives(front: Front, command: Command, beats: int) -> None:
    """It stays in the group for so many half seconds; it may go without a poll for 10 s."""
    begun = front.asked[HEARTBEAT]
    command.until(lambda: front.asked[HEARTBEAT] >= begun + beats, "its heart beats on")


def test_a_cluster_that_is_slow_to_acknowledge(broker: Broker, name: str, tmp_path: Path) -> None:
    topics(broker, name)
    padding = "x" * 2000
    message = b"\n".join(json.dumps({**rows.record(i), "NOTE": padding}).encode() for i in range(50))
    count = 1900
    broker.produce(name, [message] * count)
    # a request that is not answered in time is sent again
    environment = {
        **QUICK,
        f"{PREFIX}PRODUCER_SOCKET_TIMEOUT_MS": "5000",
        f"{PREFIX}CONSUMER_QUEUED_MAX_MESSAGES_KBYTES": "4096",
    }
    with Front(broker.servers) as front:
        front.hold()
        with Command(
            tmp_path, environment, output_format="arrow", graph_size=2000, **urls(front, name)
        ) as command:
            command.until(lambda: front.asked[PRODUCE] > 1, "the first window is sent, and sent again")
            joined = front.asked[JOIN]
            outlives(front, command, 22)
            command.until(lambda: front.fetched > 60 * MEGABYTE, "it has read what its buffer holds")
            held = -1
            while front.fetched != held:
                held = front.fetched
                outlives(front, command, 2)
            # the buffer's 64 MB, and what is decoded: a few parts of 16 MB
            assert held < 170 * MEGABYTE < count * len(message)
            assert broker.committed(name, name)[0] <= 0
            front.release()
            command.until(lambda: broker.committed(name, name) == [count], "everything is delivered")
            assert front.asked[JOIN] == joined
            assert command.peak < 900 * MEGABYTE
            assert command.stop() == 0
    seen: Counter[int] = Counter()
    for sent in broker.messages(f"{name}.out", 60.0, to_end=True):
        table = pa.ipc.open_stream(sent.value()).read_all()
        seen.update((np.asarray(table["offset"]) * 50 + np.asarray(table["row"])).tolist())
    assert seen == Counter(range(count * 50))


def test_a_reader_of_stdout_that_stops_reading(broker: Broker, name: str, tmp_path: Path) -> None:
    topics(broker, name)
    broker.produce(name, [lines(i, 100) for i in range(0, 10_000, 100)])
    seen: Counter[tuple[int, int]] = Counter()

    def read(stdout: IO[bytes]) -> None:
        for line in stdout:
            row = json.loads(line)
            seen[row["offset"], row["row"]] += 1

    with Front(broker.servers) as front:
        told = {**urls(front, name), "output": "-", "dead_letters": tmp_path / "dead.ndjson"}
        # full windows only: a short one might fit into the pipe
        told["window_seconds"] = 1000
        with Command(tmp_path, QUICK, stdout=subprocess.PIPE, **told) as command:
            assert command.process.stdout is not None
            command.until(lambda: front.fetched > 10_000 * 50, "it has read")
            joined = front.asked[JOIN]
            outlives(front, command, 22)
            assert broker.committed(name, name)[0] <= 0
            reader = threading.Thread(target=read, args=(command.process.stdout,))
            reader.start()
            command.until(lambda: broker.committed(name, name) == [100], "everything is delivered")
            assert front.asked[JOIN] == joined
            assert command.stop() == 0
            reader.join(120)
            command.process.stdout.close()
    assert seen == Counter({(i // 100, i % 100): 1 for i in range(10_000)})


def test_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "alerts.jsonl"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    sink = AppendSink(str(pipe))
    sink.add(rows.table(100).select(["IN_BYTES"]))
    sink.flush()
    sink.close()
    reader.join(120)
    assert [json.loads(line)["IN_BYTES"] for line in found[0].splitlines()] == list(range(100))
