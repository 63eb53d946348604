"""A full disk: the run ends, names the file, commits nothing that is not kept; given space, it goes on."""

from __future__ import annotations

import json
import resource
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("confluent_kafka")

from tests.kafka.command import Command
from tests.kafka.run import Run, lines

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

COUNT = 300
BAD = {i for i in range(COUNT) if i % 100 == 57}
FLOWS = 20


def filled(broker: Broker, name: str) -> dict[str, Any]:
    """A topic in which one message of a hundred is garbage; the options to read it."""
    for topic in (name, f"{name}.out"):
        broker.topic(topic)
    broker.produce(name, [b"garbage %d" % i if i in BAD else lines(i * FLOWS, FLOWS) for i in range(COUNT)])
    return {"input": f"kafka://{broker.servers}/{name}", "group": name, "graph_size": 400}


def good() -> set[tuple[int, int]]:
    return {(i, row) for i in range(COUNT) if i not in BAD for row in range(FLOWS)}


def origins(found: list[dict[str, Any]]) -> Counter[tuple[int, int]]:
    return Counter((row["offset"], row["row"]) for row in found)


def same_scores(found: list[dict[str, Any]]) -> bool:
    """Whether what came again came with the score that it had."""
    return len({(r["offset"], r["row"], r["anomaly_score"]) for r in found}) == len(origins(found))


def in_file(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def to_the_end(broker: Broker, name: str, told: dict[str, Any]) -> None:
    with Run(**{option: str(v) if isinstance(v, Path) else v for option, v in told.items()}) as run:
        run.until(lambda _: broker.committed(name, name) == [COUNT])


def test_dead_letters(broker: Broker, name: str, tmp_path: Path) -> None:
    told = filled(broker, name)
    dead = tmp_path / "dead.ndjson"
    dead.symlink_to("/dev/full")
    told.update(output=f"kafka://{broker.servers}/{name}.out", dead_letters=dead)
    with Command(tmp_path, **told) as command:
        assert command.ended() == 1
    (line,) = [line for line in command.said.splitlines() if line.startswith("Error")]
    assert line == f"Error: {dead} (dead letters) cannot be written: No space left on device"
    # what comes before the first of them may be committed, and no more
    assert broker.committed(name, name)[0] <= min(BAD)
    dead.unlink()
    to_the_end(broker, name, told)
    found = [json.loads(m.value()) for m in broker.messages(f"{name}.out", 60.0, to_end=True)]
    assert set(origins(found)) == good()
    assert same_scores(found)
    assert origins(in_file(dead)) == Counter({(i, -1): 1 for i in BAD})


def test_alerts(broker: Broker, name: str, tmp_path: Path) -> None:
    told = filled(broker, name)
    alerts, dead = tmp_path / "alerts.jsonl", tmp_path / "dead.ndjson"
    told.update(output=alerts, dead_letters=dead)
    with Command(tmp_path, **told) as command:
        # the kernel refuses to make any file of it larger than this
        resource.prlimit(command.process.pid, resource.RLIMIT_FSIZE, (500_000, 500_000))
        assert command.ended() == 1
    (line,) = [line for line in command.said.splitlines() if line.startswith("Error")]
    assert line == f"Error: {alerts} cannot be written: File too large"
    (committed,) = broker.committed(name, name)
    written = alerts.read_bytes()
    assert len(written) == 500_000
    whole = [json.loads(line) for line in written.splitlines(keepends=True) if line.endswith(b"\n")]
    assert 0 < committed < COUNT
    # everything that is committed is in the file, and its dead letters in theirs
    assert set(origins(whole)) >= {(i, row) for i, row in good() if i < committed}
    kept = origins(in_file(dead)) if dead.exists() else Counter()
    assert kept == Counter({(i, -1): 1 for i in BAD if i < committed})
    to_the_end(broker, name, told)
    found = in_file(alerts)
    assert set(origins(found)) == good()
    assert same_scores(found)
    assert origins(in_file(dead)) == Counter({(i, -1): 1 for i in BAD})
