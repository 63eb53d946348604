"""Faults: scorers that are killed at random while flows come, and a count of what came out.

``python -m tests.kafka.faults`` (or ``make chaos``) runs the long version and prints a report.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka as ck

from tests.kafka.broker import Broker
from tests.kafka.run import MODEL

GARBAGE = b'{"IPV4_SRC_ADDR": "10.0.0.1", "IN_BYTES": '
LINES = 1000


@dataclass(frozen=True)
class Plan:
    """One scenario."""

    name: str
    flows: int
    kills: int
    scorers: int = 1
    partitions: int = 2
    exactly_once: bool = False
    broker_kills: int = 0
    garbage: float = 0.01
    seed: int = 0


@dataclass
class Report:
    """What came out of it."""

    plan: Plan
    seconds: float = 0.0
    flows: int = 0
    lost: int = 0
    duplicates: int = 0
    other_origin: int = 0
    other_score: int = 0
    garbage: int = 0
    garbage_lost: int = 0
    garbage_duplicates: int = 0

    @property
    def sound(self) -> bool:
        """Nothing lost, and every copy is one of the same flow with the same score."""
        return not (self.lost or self.garbage_lost or self.other_origin or self.other_score)

    def row(self) -> str:
        """A row of the table."""
        p = self.plan
        mode = "exactly once" if p.exactly_once else "at least once"
        return (
            f"| {p.name} | {mode} | {p.scorers} | {p.kills} + {p.broker_kills} | {self.flows:,} "
            f"| {self.lost} "
            f"| {self.duplicates:,} | {self.other_score} | {self.garbage:,} / {self.garbage_lost} "
            f"| {self.seconds:.0f} |"
        )


HEAD = (
    "| scenario | mode | scorers | kills (scorer + broker) | flows | lost | delivered again "
    "| with another score | garbage in / lost | s |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


class Scorer:
    """A scorer in a process of its own, started again whenever it was killed."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._arguments, self._log = arguments, log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "morpheus_gae.cli.morpheus",
                    "run",
                    "--engine",
                    "embedded",
                    *self._arguments,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def flow(i: int) -> bytes:
    """A flow whose forward bytes are its number."""
    return (
        b'{"IPV4_SRC_ADDR":"10.%d.%d.%d","IPV4_DST_ADDR":"192.0.2.%d","IN_BYTES":%d,"OUT_BYTES":%d,'
        b'"FLOW_DURATION_MILLISECONDS":%d}'
    ) % (i >> 16 & 255, i >> 8 & 255, i & 255, i % 200, i, 2 * i, i % 97)


def messages(plan: Plan) -> Iterator[tuple[int, bytes, int]]:
    """Partition, value and garbage lines of each message; a flow's number is its forward bytes."""
    chance = random.Random(plan.seed)
    for start in range(0, plan.flows, LINES):
        parts = [flow(i) for i in range(start, min(start + LINES, plan.flows))]
        spoiled = sum(chance.random() < plan.garbage for _ in range(LINES))
        for _ in range(spoiled):
            parts.insert(chance.randrange(len(parts) + 1), GARBAGE)
        yield start // LINES % plan.partitions, b"\n".join(parts), spoiled


def run(plan: Plan, folder: Path, broker: Broker, say: Any = lambda line: None) -> Report:
    """Play a scenario through and count."""
    name = f"{plan.name.replace(' ', '-')}-{plan.seed}"
    source, alerts, dead = (f"{name}-{part}" for part in ("flows", "alerts", "dead"))
    for topic in (source, alerts, dead):
        broker.topic(topic, plan.partitions)
    report = Report(plan)
    config = folder / "kafka.properties"
    config.write_text("consumer.session.timeout.ms=6000\nmessage.timeout.ms=60000\n")
    arguments = [
        "pipeline-gae", "--model", MODEL, "--threshold", "0", "--graph_size", "5000", "--window_seconds", "1",
        "--input", f"kafka://{broker.servers}/{source}", "--output", f"kafka://{broker.servers}/{alerts}",
        "--dead_letters", f"kafka://{broker.servers}/{dead}", "--group", name, "--kafka_config", str(config),
        *(["--exactly_once"] if plan.exactly_once else []),
    ]  # fmt: skip
    begun = time.monotonic()
    with ExitStack() as last:
        scorers = [Scorer(arguments, folder / f"scorer-{i}.log") for i in range(plan.scorers)]
        for scorer in scorers:
            last.callback(scorer.process.kill)
        ends = Counter[int]()

        def feed() -> None:
            for partition, value, spoiled in messages(plan):
                broker.produce(source, [value], partition=partition)
                ends[partition] += 1
                report.garbage += spoiled
                report.flows += len(value.splitlines()) - spoiled

        feeding = threading.Thread(target=feed)
        feeding.start()
        chance = random.Random(plan.seed + 1)
        faults = ["scorer"] * plan.kills + ["broker"] * plan.broker_kills
        chance.shuffle(faults)
        ticks = threading.Event()
        for i, fault in enumerate(faults):
            # at work again, and then at any moment
            before = broker.committed(name, source, plan.partitions)
            _until(lambda: broker.committed(name, source, plan.partitions) != before, 30)  # noqa: B023
            ticks.wait(chance.uniform(0.0, 1.5))
            if fault == "broker":
                broker.kill()
                broker.start()
            else:
                scorer = chance.choice(scorers)
                scorer.kill()
                scorer.start()
                last.callback(scorer.process.kill)
            say(f"{plan.name}: fault {i + 1} of {len(faults)} ({fault})")
        feeding.join()
        wanted = [ends[p] for p in range(plan.partitions)]
        until = time.monotonic() + 300
        while broker.committed(name, source, plan.partitions) != wanted:
            assert time.monotonic() < until, (
                f"committed {broker.committed(name, source, plan.partitions)} of {wanted}"
            )
            assert all(s.process.poll() is None for s in scorers), (folder / "scorer-0.log").read_text()[
                -2000:
            ]
            ticks.wait(0.5)
        for scorer in scorers:
            scorer.stop()
    report.seconds = time.monotonic() - begun
    _count(report, broker, alerts, dead)
    return report


def _until(true: Any, seconds: float) -> bool:
    """Look until it holds; whether it did in time."""
    ticks = threading.Event()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        ticks.wait(0.1)
    return False


def _count(report: Report, broker: Broker, alerts: str, dead: str) -> None:
    partitions = report.plan.partitions
    known: dict[int, tuple[Any, float]] = {}
    for message in _all(broker, alerts, partitions):
        row = json.loads(message.value())
        flow = row["IN_BYTES"]
        told = (row["topic"], row["partition"], row["offset"], row["row"]), row["surprise"]
        if flow not in known:
            known[flow] = told
            continue
        report.duplicates += 1
        report.other_origin += known[flow][0] != told[0]
        report.other_score += known[flow][1] != told[1]
    report.lost = report.flows - len(known)
    origins = Counter(tuple(sorted(message.headers() or [])) for message in _all(broker, dead, partitions))
    report.garbage_lost = report.garbage - len(origins)
    report.garbage_duplicates = origins.total() - len(origins)


def _all(broker: Broker, topic: str, partitions: int, quiet: float = 4.0) -> Iterator[Any]:
    """Every message of a topic, until none has come for a while: the broker does not tell where it ends."""
    consumer = ck.Consumer(
        {"bootstrap.servers": broker.servers, "group.id": "counter", "enable.auto.commit": False}
    )
    consumer.assign([ck.TopicPartition(topic, p, 0) for p in range(partitions)])
    try:
        until = time.monotonic() + quiet
        while time.monotonic() < until:
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    until = time.monotonic() + quiet
                    yield message
    finally:
        consumer.close()


PLANS = (
    Plan("one scorer", 1_000_000, 20),
    Plan("three scorers", 600_000, 12, scorers=3, partitions=4, seed=1),
    Plan("one scorer", 600_000, 12, exactly_once=True, seed=2),
    Plan("broker too", 300_000, 4, broker_kills=4, seed=3),
)


def main() -> int:
    """Run the scenarios; 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of flows and kills")
    told = parser.parse_args()
    print(HEAD)
    sound = True
    for plan in PLANS:
        scaled = Plan(
            **{
                **plan.__dict__,
                "flows": int(plan.flows * told.scale),
                "kills": max(1, int(plan.kills * told.scale)),
            }
        )
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            durable = folder / "store" if plan.broker_kills else None
            if durable is not None:
                durable.mkdir()
            with Broker(folder / "broker.log", durable) as broker:
                report = run(scaled, folder, broker, lambda line: print(line, file=sys.stderr))
        print(report.row(), flush=True)
        sound = sound and report.sound
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
