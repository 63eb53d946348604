"""Rates: Kafka to alerts with the broker beside it, and how long a flow is on its way.

python -m tests.kafka.rates --flows 1000000
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.engine.run.allocator import keep_freed_memory
from morpheus_gae.sinks.ndjson import json_lines
from tests.kafka.broker import Broker
from tests.kafka.run import Run, wait_until

PARTITIONS = 2
FORMS = {"Arrow, 4,096 flows": 4096, "JSON lines, 1,000 flows": 1000, "one JSON object": 1}
WINDOW = 50_000
LATENCY_FLOWS = 20_000
LATENCY_RATE = 10_000


def messages(table: pa.Table, form: str) -> Iterator[bytes]:
    """The flows in messages of a form."""
    size = FORMS[form]
    if size == 1:
        yield from json_lines(table).splitlines()
        return
    for start in range(0, table.num_rows, size):
        part = table.slice(start, size)
        if not form.startswith("Arrow"):
            yield json_lines(part)
            continue
        out = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(out, part.schema, options=options) as writer:
            writer.write_table(part)
        yield out.getvalue()


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rate(broker: Broker, table: pa.Table, form: str, number: int) -> str:
    """Flows that wait in a topic, all of them to alerts."""
    name = f"rate{number}"
    url, out = broker.topic(name, PARTITIONS), broker.topic(f"{name}.out", PARTITIONS)
    broker.topic(f"{name}.out.dead")
    given = list(messages(table, form))
    for p in range(PARTITIONS):
        broker.produce(name, given[p::PARTITIONS], partition=p)
    ends = [len(given[p::PARTITIONS]) for p in range(PARTITIONS)]
    begun: list[tuple[float, float]] = []
    alerts = "arrow" if form.startswith("Arrow") else "ndjson"
    run = Run(
        url,
        out,
        threshold=None,
        graph_size=WINDOW,
        window_seconds=None,
        group=name,
        output_format=alerts,
    )
    source: Any = run.pipeline.topics.source  # type: ignore[union-attr]
    take = source._flows

    def first(batch: Any) -> Any:
        if not begun:
            begun.append((time.perf_counter(), processor_seconds()))
        return take(batch)

    source._flows = first
    with run:
        # the last, shorter windows wait for more flows, which is no work
        wait_until(
            lambda: run.metrics.flows >= table.num_rows - PARTITIONS * WINDOW, "flows are scored", 170.0
        )
        ended, done = (time.perf_counter(), processor_seconds()), run.metrics.flows
        wait_until(lambda: broker.committed(name, name, PARTITIONS) == ends, "and committed")
    seconds, used = ended[0] - begun[0][0], ended[1] - begun[0][1]
    millions = done / 1e6
    cells = (
        form,
        f"{table.num_rows:,}",
        f"{millions / seconds:.2f} M/s",
        f"{used / millions:.2f}",
        f"{millions / used:.2f} M",
        f"{run.metrics.alerts / run.metrics.flows:.1%} as {alerts}",
    )
    return f"| {' | '.join(cells)} |"


def latency(broker: Broker, table: pa.Table) -> str:
    """Flows that come at a steady rate: time from message to alert, by the clock of the machine."""
    name = "latency"
    url, out = broker.topic(name), broker.topic(f"{name}.out")
    broker.topic(f"{name}.out.dead")
    given = list(messages(table.slice(0, LATENCY_FLOWS), "JSON lines, 1,000 flows"))
    ticks = threading.Event()
    with Run(url, out, graph_size=2_000, window_seconds=1.0, group=name) as run:
        broker.produce(name, given[:1])
        run.until(lambda run: run.metrics.flows == 1000)
        sent = {}
        for i, message in enumerate(given[1:], 1):
            sent[i] = time.time()
            broker.produce(name, [message])
            ticks.wait(1000 / LATENCY_RATE)
        run.until(lambda run: run.metrics.flows == 1000 * len(given))
        found = broker.read(f"{name}.out", 1000 * len(given))
    waits = [
        m.timestamp()[1] / 1000 - sent[o] for m in found if (o := json.loads(m.value())["offset"]) in sent
    ]
    p50, p99 = np.quantile(waits, [0.5, 0.99])
    return (
        f"latency at {LATENCY_RATE:,} flows/s offered, windows of 2,000 flows or 1 s: "
        f"p50 {p50:.2f} s, p99 {p99:.2f} s ({len(waits):,} alerts)"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    told = parser.parse_args(arguments)
    # as the command does
    keep_freed_memory()
    os.environ["MORPHEUS_GAE_KAFKA_SESSION_TIMEOUT_MS"] = "6000"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "flows.parquet"
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "morpheus_gae.cli.gae",
                    "simulate",
                    "--network",
                    "7",
                    "--hosts",
                    "1000",
                ),
                *("--seed", "2026", "--start", "2025-03-10T08:00", "--days", "1", "--flows", "200000"),
                *("--output", str(path)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        table = pq.read_table(path)
        with Broker(folder / "broker.log") as broker:
            print(
                "| message | flows | Kafka to alerts | CPU s per 1 M flows | flows per CPU second | alerts |"
            )
            print("|---|---|---|---|---|---|", flush=True)
            for number, form in enumerate(FORMS):
                wanted = told.flows if FORMS[form] > 1 else min(told.flows, 300_000)
                times = -(-wanted // table.num_rows)
                flows = pa.concat_tables([table] * times).slice(0, wanted)
                # once for the kernels, once for the figures
                if not number:
                    rate(broker, table, form, 100)
                print(rate(broker, flows, form, number), flush=True)
            print(latency(broker, table), flush=True)


if __name__ == "__main__":
    main()
