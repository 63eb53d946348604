"""Replicas: how much faster two scorers of one group are than one, on the machine at hand.

python -m tests.kafka.replicas --input flows.parquet --flows 2000000

The scorers are started first and stopped (SIGSTOP) while the topic is filled. What is timed is scoring, until
the first partition is done. Each scorer has one processor, which it shares with the broker.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.kafka import chaos
from tests.kafka.broker import Broker
from tests.kafka.rates import FORMS, messages
from tests.kafka.run import wait_until
from tests.ports import free_port

PARTITIONS = 4
WINDOW = 20_000


def timed(broker: Broker, given: list[bytes], per_message: int, replicas: int, folder: Path) -> float:
    """Flows a second, of so many scorers together."""
    name = f"replicas{replicas}"
    broker.topic(name, PARTITIONS)
    broker.topic(f"{name}.out", PARTITIONS)
    broker.topic(f"{name}.out.dead")
    ports = [free_port() for _ in range(replicas)]
    scorers = [
        chaos.scorer(
            broker,
            name,
            folder / "log",
            number=i,
            threshold="0.999",
            graph_size=str(WINDOW),
            window_seconds="1000000",
            group=name,
            metrics_port=str(port),
        )
        for i, port in enumerate(ports)
    ]
    short = -(-WINDOW // per_message)
    for one, processor in zip(scorers, sorted(os.sched_getaffinity(0)), strict=False):
        # before it starts threads of its own
        os.sched_setaffinity(one.pid, {processor})
    try:
        wait_until(lambda: all(_held(port) == PARTITIONS // replicas for port in ports), "all share", 60.0)
        for one in scorers:
            one.send_signal(signal.SIGSTOP)
        for p in range(PARTITIONS):
            broker.produce(name, given[p::PARTITIONS], partition=p)
        ends = [len(given[p::PARTITIONS]) for p in range(PARTITIONS)]
        begun = time.perf_counter()
        for one in scorers:
            one.send_signal(signal.SIGCONT)
        done = [0] * PARTITIONS

        def near_the_end() -> bool:
            # the last window of a partition is not full, and waits
            done[:] = [max(0, offset) for offset in broker.committed(name, name, PARTITIONS)]
            return any(at > end - short for at, end in zip(done, ends, strict=True))

        wait_until(near_the_end, "a partition is done", 300.0)
        return sum(done) * per_message / (time.perf_counter() - begun)
    finally:
        for one in scorers:
            one.kill()
            one.wait()


def _held(port: int) -> int:
    """Partitions of a scorer, by its metrics."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as answer:
            return answer.read().decode().count("\nmorpheus_gae_kafka_lag{")
    except OSError:
        return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True, help="Parquet file with flows")
    parser.add_argument("--flows", type=int, default=2_000_000)
    parser.add_argument("--form", choices=list(FORMS), default="JSON lines, 1,000 flows")
    told = parser.parse_args(arguments)
    # a member may stand still for as long as the topic is filled
    os.environ["MORPHEUS_GAE_KAFKA_SESSION_TIMEOUT_MS"] = "45000"
    table = pq.read_table(told.input).slice(0, told.flows)
    assert isinstance(table, pa.Table)
    given, size = list(messages(table, told.form)), FORMS[told.form]
    with tempfile.TemporaryDirectory() as text, Broker(Path(text) / "log") as broker:
        one, two = (timed(broker, given, size, replicas, Path(text)) / 1e6 for replicas in (1, 2))
    print(f"a scorer a core: one {one:.2f} M flows/s, two {two:.2f} M ({two / one:.2f} times)")


if __name__ == "__main__":
    main()
