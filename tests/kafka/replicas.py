"""Replicas: how much faster two scorers of one group are than one, on the machine at hand.

python -m tests.kafka.replicas --flows 2000000
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.kafka import chaos
from tests.kafka.broker import Broker
from tests.kafka.rates import messages
from tests.kafka.run import wait_until

PARTITIONS = 4


def timed(broker: Broker, given: list[bytes], replicas: int, folder: Path) -> float:
    """Seconds from the first commit to the last, scaled to all messages."""
    name = f"replicas{replicas}"
    broker.topic(name, PARTITIONS)
    broker.topic(f"{name}.out", PARTITIONS)
    broker.topic(f"{name}.out.dead")
    for p in range(PARTITIONS):
        broker.produce(name, given[p::PARTITIONS], partition=p)
    ends = [len(given[p::PARTITIONS]) for p in range(PARTITIONS)]
    told = {"threshold": "0.999", "graph_size": "50000", "window_seconds": "1", "group": name}
    scorers = [chaos.scorer(broker, name, folder / "log", number=i, **told) for i in range(replicas)]

    def done() -> int:
        return sum(max(0, offset) for offset in broker.committed(name, name, PARTITIONS))

    try:
        wait_until(lambda: done() > 0, "the first commit", 60.0)
        first, begun = done(), time.perf_counter()
        wait_until(lambda: broker.committed(name, name, PARTITIONS) == ends, "the last commit", 300.0)
        return (time.perf_counter() - begun) * len(given) / (len(given) - first)
    finally:
        for one in scorers:
            one.kill()
            one.wait()


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True, help="Parquet file with flows")
    parser.add_argument("--flows", type=int, default=2_000_000)
    told = parser.parse_args()
    table = pq.read_table(told.input).slice(0, told.flows)
    assert isinstance(table, pa.Table)
    given = list(messages(table, "JSON lines, 1,000 flows"))
    with tempfile.TemporaryDirectory() as text, Broker(Path(text) / "log") as broker:
        seconds = np.array([timed(broker, given, replicas, Path(text)) for replicas in (1, 2)])
    one, two = table.num_rows / seconds / 1e6
    print(f"{os.cpu_count()} cores: one scorer {one:.2f} M flows/s, two {two:.2f} M ({two / one:.2f} times)")


if __name__ == "__main__":
    main()
