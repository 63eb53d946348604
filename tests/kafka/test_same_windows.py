"""A window that the clock ended, and that may be written already, is the same when it is read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

ck = pytest.importorskip("confluent_kafka")

from morpheus_gae.errors import OutputError  # noqa: E402
from tests.kafka.run import Run, lines, wait_until  # noqa: E402


@pytest.fixture
def servers() -> Iterator[str]:
    """A cluster inside the client library: unlike the other tests' broker, it keeps a commit's metadata."""
    cluster = ck.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none"})
    (broker,) = cluster.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    cluster.flush(1)


class Recording:
    """A sink that remembers the flows of each window, and fails if told to."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails
        self.windows: list[list[int]] = []
        self.scores: list[list[float]] = []

    def add(self, table: Any) -> None:
        self.windows.append(table["IN_BYTES"].to_pylist())
        self.scores.append(table["anomaly_score"].to_pylist())
        if self.fails:
            # after some of it has gone out
            raise OutputError("killed")

    def flush(self) -> None:
        """Everything is delivered."""

    def close(self) -> None:
        """Nothing to close."""


def start(servers: str, fails: bool) -> tuple[Run, Recording]:
    sink = Recording(fails)
    run = Run(f"kafka://{servers}/flows", "-", group="g", window_seconds=3.0, graph_size=1000, sink=sink)
    return run, sink


def test_cut_again_where_it_was(servers: str) -> None:
    producer = ck.Producer({"bootstrap.servers": servers})

    def give(first: int, messages: int) -> None:
        for i in range(first, first + messages):
            producer.produce("flows", lines(10 * i, 10), partition=0)
        assert producer.flush(10) == 0

    give(0, 3)
    run, first = start(servers, fails=True)
    run.join()
    assert isinstance(run.error, OutputError)
    assert first.windows == [list(range(30))]
    asking = ck.Consumer({"bootstrap.servers": servers, "group.id": "g"})
    (committed,) = asking.committed([ck.TopicPartition("flows", 0)], 10)
    asking.close()
    assert (committed.offset, committed.metadata) == (0, "end=3")
    # more has come by now, and would be in the same window but for the note
    give(3, 2)
    run, again = start(servers, fails=False)
    with run:
        wait_until(lambda: sum(map(len, again.windows)) == 50, "everything is delivered")
    assert again.windows == [list(range(30)), list(range(30, 50))]
    assert again.scores[0] == first.scores[0]
