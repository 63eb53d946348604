"""The stack of docker/compose.yaml, with stand-ins for images of others: traffic, deaths, stops."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.images.conftest import STANDIN
from tests.images.engine import ROOT, compose, docker, inspected, run
from tests.packaging.composed import composed
from tests.ports import free_port

PROJECT = "morpheus-gae-test"
FLOWS = 40_000
PORTS = ("KAFKA_PORT", "NETFLOW_PORT", "IPFIX_PORT", "SFLOW_PORT", "GRAFANA_PORT", "PROMETHEUS_PORT")
OTHERS = ("KAFKA_IMAGE", "GOFLOW2_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE")
# messages are read and counted: the watermarks of the stand-in are behind them
ASK = """
import confluent_kafka as ck
told = {"bootstrap.servers": "kafka:9092", "group.id": "scorer", "enable.auto.commit": False}
for topic in ("flows-raw", "alerts", "flows-dead"):
    c = ck.Consumer({**told, "enable.partition.eof": True})
    parts = [ck.TopicPartition(topic, p, 0) for p in range(4)]
    done = {p.partition: p.offset for p in c.committed(parts, timeout=10)}
    c.assign(parts)
    count, ends = 0, {}
    while len(ends) < 4:
        for m in c.consume(1000, 1.0):
            if m.error() is None:
                count += 1
            elif m.error().code() == ck.KafkaError._PARTITION_EOF:
                ends[m.partition()] = m.offset()
            else:
                raise SystemExit(str(m.error()))
    c.close()
    print(topic, count, sum(max(0, end - max(done[p], 0)) for p, end in ends.items()))
"""
COMPACTED = """
import confluent_kafka as ck, confluent_kafka.admin as admin
asked = admin.AdminClient({"bootstrap.servers": "kafka:9092"})
for name in ("flows-raw", "incidents", "incidents.state"):
    (told,) = asked.describe_configs([admin.ConfigResource("TOPIC", name)]).values()
    policy = told.result(10).get("cleanup.policy")
    print(name, policy.value if policy else "delete")
c = ck.Consumer({"bootstrap.servers": "kafka:9092", "group.id": "reader", "enable.partition.eof": True})
c.assign([ck.TopicPartition("incidents", p, 0) for p in range(4)])
left, keys = 4, 0
while left:
    for m in c.consume(1000, 1.0):
        if m.error() is None:
            keys += m.key() is not None
        else:
            left -= 1
c.close()
print("keys", keys)
"""
KILL = """
import os
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) not in (1, os.getpid()):
        os.kill(int(name), 9)
"""
METRICS = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9108/metrics').read().decode())"


class Stack:
    """One project of Compose."""

    def __init__(self, folder: Path, image: str) -> None:
        words = compose()
        if words is None:
            pytest.skip("Docker Compose is not installed")
        env = {name: str(free_port()) for name in PORTS} | dict.fromkeys(OTHERS, STANDIN)
        env |= {
            "SCORER_IMAGE": image,
            "REPLAY_FLOWS": str(FLOWS),
            "REPLAY_RATE": "10000",
            "WINDOW_SECONDS": "5",
        }
        project: dict[str, Any] = composed([ROOT / "docker" / "compose.yaml"], env)
        # what older generations of Compose do not know; the name is told on the command line
        del project["name"]
        file = folder / "compose.yaml"
        # variables are filled in: a dollar that is left is the shell's
        file.write_text(yaml.safe_dump(project).replace("$", "$$"), encoding="utf-8")
        folder = ROOT / "docker"
        self._words = [
            *words,
            "--project-name",
            PROJECT,
            "--project-directory",
            str(folder),
            "--file",
            str(file),
        ]

    def __call__(self, *words: str, check: bool = True) -> str:
        done = run(*self._words, *words, check=check, seconds=600)
        return done.stdout

    def containers(self, service: str) -> list[str]:
        return self("ps", "--quiet", service).split()

    def healthy(self, service: str, count: int) -> None:
        def well() -> bool:
            states = [inspected(name)["State"] for name in self.containers(service)]
            return [s.get("Health", {}).get("Status") for s in states] == ["healthy"] * count

        until(well, f"{count} healthy {service}")

    def topics(self) -> dict[str, tuple[int, int]]:
        """Messages of each topic, and those that the scorers have not committed."""
        (kafka,) = self.containers("kafka")
        told = docker("exec", kafka, "/opt/venv/bin/python", "-c", ASK).stdout
        return {name: (int(end), int(behind)) for name, end, behind in map(str.split, told.splitlines())}


def until(true: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        threading.Event().wait(1)


@pytest.fixture(scope="module")
def stack(cpu: str, standin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    up = Stack(tmp_path_factory.mktemp("stack"), cpu)
    up("--profile", "demo", "down", "--volumes", check=False)
    try:
        up("--profile", "demo", "up", "--detach", "--no-build")
        yield up
    finally:
        up("--profile", "demo", "down", "--volumes", "--timeout", "5", check=False)


def scored(stack: Stack) -> None:
    """Wait until the replayer has ended, and all that it sent is scored."""

    def ended() -> bool:
        done = docker(
            "ps", "--all", "--quiet", "--filter", f"name={PROJECT}.replayer", "--filter", "exited=0"
        )
        return bool(done.stdout.strip())

    until(ended, "the traffic ends")
    until(lambda: stack.topics()["flows-raw"][1] == 0, "all flows scored")


def lines_of(name: str) -> list[dict[str, Any]]:
    """What a scorer said: lines of JSON and nothing else."""
    done = docker("logs", name)
    return [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]


def test_the_stack(stack: Stack) -> None:
    """One story: traffic, three scorers, one dies, one is stopped, all goes down and comes up again."""
    stack.healthy("scorer", 1)
    for service in ("kafka", "goflow2", "prometheus", "grafana"):
        stack.healthy(service, 1)
    scored(stack)
    first = stack.topics()
    assert first["alerts"][0] > 0
    assert first["flows-dead"][0] == 0
    (kafka,) = stack.containers("kafka")
    told = docker("exec", kafka, "/opt/venv/bin/python", "-c", COMPACTED).stdout.splitlines()
    assert told[:3] == ["flows-raw delete", "incidents compact", "incidents.state compact"]
    assert int(told[3].split()[1]) > 0, "incidents have keys"
    (scorer,) = stack.containers("scorer")
    assert "morpheus_gae_flows_total" in docker("exec", scorer, "python", "-c", METRICS).stdout

    stack("up", "--detach", "--no-build", "--no-recreate", "--scale", "scorer=3", "scorer")
    stack.healthy("scorer", 3)
    stack("--profile", "demo", "up", "--detach", "--no-build", "--no-deps", "replayer")
    scorers = stack.containers("scorer")
    until(lambda: stack.topics()["flows-raw"][0] > first["flows-raw"][0] + 5_000, "traffic again")
    docker("exec", scorers[0], "python", "-c", KILL, check=False)
    scored(stack)
    until(lambda: bool(inspected(scorers[0])["RestartCount"]), "a killed scorer is started again")
    stack.healthy("scorer", 3)
    second = stack.topics()
    assert second["flows-raw"] == (2 * first["flows-raw"][0], 0)
    assert second["alerts"][0] > first["alerts"][0]
    assert second["flows-dead"][0] == 0

    begun = time.monotonic()
    docker("stop", "--time", "30", scorers[1])
    state = inspected(scorers[1])["State"]
    assert state["ExitCode"] == 0, "drained, not killed"
    print(f"stopped in {time.monotonic() - begun:.1f} s")
    assert [line["event"] for line in lines_of(scorers[1])][-1] == "summary"
    for name in scorers[1:]:
        assert not [line for line in lines_of(name) if line["level"] not in ("info", "warning")]

    (grafana,) = stack.containers("grafana")
    password = docker("exec", grafana, "cat", "/var/lib/grafana/.admin_password").stdout
    assert len(password) > 20
    stack("--profile", "demo", "down", "--timeout", "30")
    stack("up", "--detach", "--no-build")
    stack.healthy("grafana", 1)
    (grafana,) = stack.containers("grafana")
    assert docker("exec", grafana, "cat", "/var/lib/grafana/.admin_password").stdout == password
    stack.healthy("scorer", 1)
    (scorer,) = stack.containers("scorer")
    # compiled kernels came with the volume, and none had to be compiled since
    kernels = docker(
        "exec", scorer, "sh", "-c", "find /var/cache/morpheus-gae/numba -name '*.nbc' | wc -l"
    ).stdout
    assert int(kernels) > 20
