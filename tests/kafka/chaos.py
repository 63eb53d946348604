"""Chaos: scorers and brokers killed at random under a stream of flows, and a count of what came of it.

python -m tests.kafka.chaos --flows 1000000 --kills 20 --replicas 2 --report chaos.md
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.kafka.broker import Broker
from tests.kafka.run import MODEL, lines, wait_until

ROOT = Path(__file__).resolve().parents[2]
PER_MESSAGE = 100
PARTITIONS = 4
GROUP = "chaos"
_TICKS = threading.Event()


@dataclass
class Count:
    """What came of a run."""

    name: str
    kills: int = 0
    broker_kills: int = 0
    flows: int = 0
    lost: int = 0
    again: int = 0
    other_scores: int = 0
    letters_lost: int = 0
    letters_again: int = 0
    seconds: float = 0.0
    note: str = ""

    def row(self) -> str:
        cells = (
            *(self.name, self.kills, self.broker_kills, f"{self.flows:,}", self.lost, self.again),
            *(self.other_scores, self.letters_lost, self.letters_again, f"{self.seconds:.0f}", self.note),
        )
        return "| " + " | ".join(map(str, cells)) + " |"


HEADER = (
    "| run | scorer kills | broker kills | flows | lost | written again | again with another score | "
    "dead letters lost | dead letters again | seconds | note |\n" + "|---" * 11 + "|"
)


@dataclass
class Feed:
    """What was put into the topic."""

    broker: Broker
    topic: str
    garbage: float
    rng: random.Random
    good: set[tuple[int, int]] = field(default_factory=set)
    bad: set[tuple[int, int]] = field(default_factory=set)
    ends: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    given: int = 0

    def add(self, flows: int) -> None:
        """Put flows into all partitions, with garbage between them."""
        for p in range(PARTITIONS):
            values = []
            for _ in range(flows // PARTITIONS // PER_MESSAGE):
                if self.rng.random() < self.garbage:
                    self.bad.add((p, self.ends[p]))
                    values.append(
                        self.rng.choice((b"garbage", b'{"IN_BYTES": ', b"\xff\xff\xff\xff\x00", b"[1, 2"))
                    )
                    self.ends[p] += 1
                self.good.add((p, self.ends[p]))
                values.append(lines(self.given % 50_000, PER_MESSAGE))
                self.ends[p] += 1
                self.given += PER_MESSAGE
            self.broker.produce(self.topic, values, partition=p)


def scorer(
    broker: Broker, name: str, log: Path, exactly_once: bool = False, number: int = 0, **more: str
) -> subprocess.Popen[bytes]:
    """A scorer that writes every flow."""
    environment = {
        "MORPHEUS_GAE_KAFKA_SESSION_TIMEOUT_MS": "6000",
        **os.environ,
        "MORPHEUS_RUN_ENGINE": "embedded",
        "PYTHONPATH": str(ROOT),
    }
    if exactly_once:
        environment["MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID"] = f"{name}-{number}"
    url = f"kafka://{broker.servers}/{name}"
    told = {"input": url, "output": f"{url}.out", "group": GROUP, "model": MODEL, "threshold": "0"}
    told.update({"graph_size": "2000", "window_seconds": "1000", "output_format": "arrow", **more})
    command = [sys.executable, "-m", "morpheus_gae.cli.morpheus", "run", "--num_threads", "1", "pipeline-gae"]
    command += [word for key, value in told.items() for word in (f"--{key}", value)]
    command += ["--exactly_once"] if exactly_once else []
    with log.open("ab") as out:
        return subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=ROOT)


def count(broker: Broker, name: str, feed: Feed, result: Count) -> Count:
    """Compare what came out with what went in."""
    keys, scores = [], []
    want = len(feed.good) * PER_MESSAGE
    seen: set[int] = set()
    for message in broker.messages(f"{name}.out", 120.0, PARTITIONS, to_end=True):
        table = pa.ipc.open_stream(message.value()).read_all()
        key = (
            np.asarray(table["partition"]).astype(np.int64) << 48
            | np.asarray(table["offset"]) << 16
            | np.asarray(table["row"]).astype(np.int64)
        )
        keys.append(key)
        scores.append(np.asarray(table["anomaly_score"]))
        seen.update(key.tolist())
    key, score = np.concatenate(keys), np.concatenate(scores)
    order = np.argsort(key, kind="stable")
    key, score = key[order], score[order]
    twice = np.flatnonzero(key[1:] == key[:-1])
    expected = {(p << 48) | (o << 16) | row for p, o in feed.good for row in range(PER_MESSAGE)}
    result.flows = want
    result.lost = len(expected - seen)
    result.again = len(twice)
    result.other_scores = int((score[twice] != score[twice + 1]).sum())
    dead_letters = []
    for message in broker.messages(f"{name}.out.dead", 60.0, to_end=True):
        told = dict(message.headers())
        dead_letters.append((int(told["partition"]), int(told["offset"])))
    result.letters_lost = len(feed.bad - set(dead_letters))
    result.letters_again = len(dead_letters) - len(set(dead_letters))
    return result


def run(
    broker: Broker,
    name: str,
    folder: Path,
    *,
    flows: int,
    kills: int,
    replicas: int = 1,
    exactly_once: bool = False,
    broker_kills: int = 0,
    garbage: float = 0.01,
    seed: int = 1,
    longest: float = 9.0,
    window_seconds: str = "1000",
) -> Count:
    """Flows go in by portions; scorers are killed in between, at any moment.

    With the ``window_seconds`` given no window ends by the clock; with a short one many do, also while a
    rebalance goes on.
    """
    rng = random.Random(seed)
    started = time.monotonic()
    broker.topic(name, PARTITIONS)
    broker.topic(f"{name}.out", PARTITIONS)
    broker.topic(f"{name}.out.dead")
    feed = Feed(broker, name, garbage, rng)
    log = folder / f"{name}.log"
    more = {"window_seconds": window_seconds}
    running = [scorer(broker, name, log, exactly_once, i, **more) for i in range(replicas)]
    portion = flows // (kills + 1) // PARTITIONS // PER_MESSAGE * PARTITIONS * PER_MESSAGE
    result = Count(name)
    try:
        for k in range(kills):
            feed.add(portion)
            _TICKS.wait(rng.uniform(2.5, longest))
            i = k % replicas
            running[i].send_signal(signal.SIGKILL)
            running[i].wait()
            result.kills += 1
            running[i] = scorer(broker, name, log, exactly_once, i, **more)
            if k < broker_kills:
                broker.kill()
                result.broker_kills += 1
                _TICKS.wait(rng.uniform(0.2, 2.0))
                broker.start()
        feed.add(portion)
        # without a clock the last, short windows are written when the scorers are told to end
        slack = 3000 // PER_MESSAGE if float(window_seconds) > 100 else 0
        wait_until(lambda: _caught_up(broker, name, feed, running, slack), f"all is committed ({log})", 240.0)
        for one in running:
            one.send_signal(signal.SIGTERM)
        result.note = " ".join(f"exit {one.wait(60)}" for one in running)
    finally:
        for one in running:
            one.kill()
            one.wait()
    count(broker, name, feed, result)
    result.seconds = time.monotonic() - started
    return result


def _caught_up(
    broker: Broker, name: str, feed: Feed, running: list[subprocess.Popen[bytes]], slack: int
) -> bool:
    ended = [one.returncode for one in running if one.poll() is not None]
    assert not ended, f"a scorer ended by itself: {ended}"
    done = broker.committed(GROUP, name, PARTITIONS)
    return all(end - at <= slack for at, end in zip(done, feed.ends, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; exit 1 if anything is lost, or came again with another score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--runs", default="at-least-once,early-windows,exactly-once,durable")
    parser.add_argument("--report", type=Path)
    told = parser.parse_args(arguments)
    results = []
    print(HEADER, flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in told.runs.split(","):
            durable = name == "durable"
            with Broker(folder / f"{name}.broker.log", folder / "store" if durable else None) as broker:
                result = run(
                    broker,
                    name,
                    folder,
                    flows=told.flows,
                    kills=told.kills,
                    replicas=told.replicas + (name == "early-windows"),
                    window_seconds="1" if name == "early-windows" else "1000",
                    exactly_once=name == "exactly-once",
                    broker_kills=5 if durable else 0,
                )
            print(result.row(), flush=True)
            results.append(result)
    if told.report is not None:
        told.report.write_text("\n".join([HEADER, *(r.row() for r in results)]) + "\n", encoding="utf-8")
    return int(any(r.lost or r.letters_lost or r.other_scores for r in results))


if __name__ == "__main__":
    sys.exit(main())
