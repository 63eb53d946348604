"""Kills: a scorer that writes incidents exactly once, killed at random steps, and one that was not.

python -m tests.kafka.kills --kills 40 --messages 400
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.flows.rows import json_text
from tests.kafka.broker import Broker
from tests.kafka.run import wait_until

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 2
PER_MESSAGE, PER_WINDOW = 20, 100
SECONDS = 10
"""Between two flows of a partition."""
START = 1_700_000_000_000


def flow(partition: int, i: int) -> dict[str, Any]:
    """A flow of a scan, of a pair that stays, or one that nobody minds: by turns of an hour and more."""
    turn = i // 400 % 3
    source = f"10.{partition}.0.{turn + 1}"
    target = f"10.{partition}.9.9" if i % 4 == 0 else f"10.{partition}.{i % 7 + 1}.{i % 41 + 1}"
    return {
        "FLOW_START_MILLISECONDS": START + 1000 * SECONDS * i,
        "IPV4_SRC_ADDR": source if i % 10 else f"10.{partition}.{i % 7 + 1}.{i % 41 + 1}",
        "IPV4_DST_ADDR": target,
        "PROTOCOL": 6,
        "L4_SRC_PORT": 40_000 + i % 1000,
        "L4_DST_PORT": (445, 443)[i % 4 == 0],
        "IN_BYTES": 12 + i % 9 if i % 3 else 1,
        "OUT_BYTES": i % 100,
        "FLOW_DURATION_MILLISECONDS": 10 + i % 5,
    }


def give(broker: Broker, topic: str, messages: int, first: int = 0) -> None:
    """Fill the partitions; whole windows of flows, so that none waits for more."""
    assert messages % (PER_WINDOW // PER_MESSAGE) == 0
    for p in range(PARTITIONS):
        rows = [
            [flow(p, m * PER_MESSAGE + i) for i in range(PER_MESSAGE)] for m in range(first, first + messages)
        ]
        broker.produce(topic, [json_text(some).encode() for some in rows], partition=p)


def scorer(broker: Broker, topic: str, name: str, log: Path, kill_at: str = "0") -> subprocess.Popen[bytes]:
    """A scorer of a group that has the name of its topics; killed at a step."""
    environment = {
        **os.environ,
        "MORPHEUS_RUN_ENGINE": "embedded",
        "MORPHEUS_GAE_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "MORPHEUS_GAE_KAFKA_TRANSACTIONAL_ID": name,
        "PYTHONPATH": str(ROOT),
        "KILL_AT": kill_at,
    }
    url = f"kafka://{broker.servers}"
    told = {
        "input": f"{url}/{topic}",
        "output": f"{url}/{name}",
        "incidents": f"{url}/{name}.incidents",
        "group": name,
        "model": "toy",
        "threshold": "0.999",
        "graph_size": str(PER_WINDOW),
        "window_seconds": "1000000",
        "pair_seconds": "0",
    }
    command = [sys.executable, "-m", "tests.kafka.killed_scorer", "run", "--num_threads", "1", "pipeline-gae"]
    command += [word for key, value in told.items() for word in (f"--{key}", value)]
    with log.open("ab") as out:
        return subprocess.Popen(
            [*command, "--exactly_once"], env=environment, stdout=out, stderr=out, cwd=ROOT
        )


def run(broker: Broker, topic: str, name: str, messages: int, log: Path, kill_at: Sequence[str] = ()) -> int:
    """Score all messages, killed in between; how often it was."""
    for other in ("", ".dead", ".incidents", ".incidents.state"):
        broker.topic(f"{name}{other}", PARTITIONS)
    kills = 0
    for at in (*kill_at, "0"):
        process = scorer(broker, topic, name, log, at)
        try:
            wait_until(
                lambda process=process: process.poll() is not None or done(broker, topic, name, messages),  # type: ignore[misc]
                f"it is killed, or done: {log.read_text()[-2000:]}",
                120.0,
            )
            if done(broker, topic, name, messages):
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) in (0, -signal.SIGKILL)
                break
            assert process.returncode == -signal.SIGKILL, log.read_text()[-2000:]
            kills += 1
        finally:
            process.kill()
            process.wait()
    return kills


def done(broker: Broker, topic: str, group: str, messages: int) -> bool:
    """Whether everything is committed."""
    return broker.committed(group, topic, PARTITIONS) == [messages] * PARTITIONS


def last_records(broker: Broker, topic: str) -> dict[str, dict[str, Any]]:
    """What compaction leaves of a topic: the last value of each key."""
    found: dict[str, dict[str, Any]] = {}
    for message in broker.messages(topic, 60.0, PARTITIONS, to_end=True):
        if message.value() is None:
            found.pop(message.key().decode(), None)
        else:
            found[message.key().decode()] = json.loads(message.value())
    return found


def compared(broker: Broker, name: str, folder: Path, messages: int, kill_at: Sequence[str]) -> str:
    """Run both ways; a line of figures, or an error that tells what differs."""
    broker.topic(name, PARTITIONS)
    give(broker, name, messages)
    whole, cut = f"{name}.whole", f"{name}.cut"
    assert run(broker, name, whole, messages, folder / "whole.log") == 0
    kills = run(broker, name, cut, messages, folder / "cut.log", kill_at)
    expected, found = (last_records(broker, f"{one}.incidents") for one in (whole, cut))
    assert found == expected, list(zip(found.items(), expected.items(), strict=False))[:1]
    states = [last_records(broker, f"{one}.incidents.state") for one in (whole, cut)]
    # keys begin with the group
    states = [{key.partition("/")[2]: part for key, part in state.items()} for state in states]
    heads = [{key: part for key, part in state.items() if key.endswith("/head")} for state in states]
    assert heads[0] == heads[1]
    assert len(heads[0]) == PARTITIONS
    incidents = [{key: part for key, part in state.items() if "/incident." in key} for state in states]
    assert incidents[0] == incidents[1] != {}
    closed = sum(record["state"] == "closed" for record in found.values())
    flows = sum(record["flows"] for record in found.values())
    return f"{kills} kills: {len(found)} incidents ({closed} closed) of {flows:,} flows, all as without"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    rng = random.Random(told.seed)
    steps = told.messages * PER_MESSAGE * PARTITIONS * 2 // max(told.kills, 1)
    with tempfile.TemporaryDirectory() as text, Broker(Path(text) / "log") as broker:
        kill_at = [str(rng.randint(1, steps)) for _ in range(told.kills)]
        # every third one where everything of a transaction is there but its end
        kill_at[::3] = [f"commit:{rng.randint(2, 6)}" for _ in kill_at[::3]]
        print(compared(broker, "kills", Path(text), told.messages, kill_at))


if __name__ == "__main__":
    main()
