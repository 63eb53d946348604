"""The stack of docker/compose.yaml, with stand-ins for images of others: traffic, deaths, stops."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.images.asked import ASK, COMPACTED, KILL, METRICS, PARTITIONS, SCRAPE
from tests.images.conftest import STANDIN
from tests.images.engine import LOCKED, ROOT, compose, docker, inspected, run, until
from tests.packaging.composed import composed
from tests.ports import free_port

PROJECT = "morpheus-gae-test"
FLOWS = 40_000
PORTS = ("KAFKA_PORT", "NETFLOW_PORT", "IPFIX_PORT", "SFLOW_PORT", "GRAFANA_PORT", "PROMETHEUS_PORT")
OTHERS = ("KAFKA_IMAGE", "GOFLOW2_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE")
FIND_KERNELS = ("find", "/var/cache/morpheus-gae/numba", "-name", "*.nbc")
PAGE = ROOT / "docs" / "deployment.md"


class Stack:
    """One project of Compose."""

    def __init__(self, folder: Path, image: str) -> None:
        words = compose()
        if words is None:
            pytest.skip("Docker Compose is not installed")
        self._env = {name: str(free_port()) for name in PORTS} | dict.fromkeys(OTHERS, STANDIN)
        self._env |= {
            "SCORER_IMAGE": image,
            "REPLAY_FLOWS": str(FLOWS),
            "REPLAY_RATE": "10000",
            "WINDOW_SECONDS": "5",
        }
        self._file = folder / "compose.yaml"
        self.set()
        self._words = [
            *words,
            "--project-name",
            PROJECT,
            "--project-directory",
            str(ROOT / "docker"),
            "--file",
            str(self._file),
        ]

    def set(self, **settings: str) -> None:
        """Change settings, as in docker/.env."""
        self._env |= settings
        project: dict[str, Any] = composed([ROOT / "docker" / "compose.yaml"], self._env)
        # what older generations of Compose do not know; the name is told on the command line
        del project["name"]
        # variables are filled in: a dollar that is left is the shell's
        self._file.write_text(yaml.safe_dump(project).replace("$", "$$"), encoding="utf-8")

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

    def ask(self, service: str, program: str) -> str:
        """What a program says that runs in the one container of a service."""
        (name,) = self.containers(service)
        return docker("exec", name, "/opt/venv/bin/python", "-c", program).stdout

    def topics(self) -> dict[str, tuple[int, int]]:
        """Messages of each topic, and those that the scorers have not committed."""
        told = self.ask("kafka", ASK)
        return {name: (int(end), int(behind)) for name, end, behind in map(str.split, told.splitlines())}

    def partitions(self) -> list[set[str]]:
        """Partitions of ``flows-raw`` that each scorer reads."""
        names = self.containers("scorer")
        return [set(docker("exec", name, "python", "-c", PARTITIONS).stdout.split()) for name in names]


@pytest.fixture(scope="module")
def stack(cpu: str, standin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    up = Stack(tmp_path_factory.mktemp("stack"), cpu)
    up("--profile", "demo", "down", "--volumes", check=False)
    try:
        up("--profile", "demo", "up", "--detach", "--no-build")
        yield up
    finally:
        up("--profile", "demo", "down", "--volumes", "--timeout", "5", check=False)


def replayed() -> int:
    """Replayers that have come to their end."""
    words = ("--filter", f"name={PROJECT}.replayer", "--filter", "exited=0")
    return len(docker("ps", "--all", "--quiet", *words).stdout.split())


def scored(stack: Stack) -> None:
    """Wait until the replayer has ended, and all that it sent is scored."""
    until(lambda: replayed() == 1, "the traffic ends")
    until(lambda: stack.topics()["flows-raw"][1] == 0, "all flows scored")


def shared(stack: Stack, scorers: int) -> None:
    """Wait until every partition has one scorer, and every scorer a partition."""

    def fair() -> bool:
        read = stack.partitions()
        return all(read) and sorted(p for some in read for p in some) == ["0", "1", "2", "3"]

    until(fair, f"{scorers} scorers share the partitions")


def lines_of(name: str) -> list[dict[str, Any]]:
    """What a scorer said: lines of JSON and nothing else."""
    done = docker("logs", name)
    return [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]


def is_clean(name: str) -> None:
    """No error, and no warning but that the traffic is another than the model's, which it may be."""
    loud = [line for line in lines_of(name) if line["level"] != "info"]
    assert not [line for line in loud if line["level"] != "warning"], loud
    assert {line["event"] for line in loud} <= {"unknown_hosts", "alert_flood"}, loud


def kernels(name: str) -> set[str]:
    return set(docker("exec", name, *FIND_KERNELS).stdout.split())


def put_a_model(cpu: str, folder: Path) -> None:
    """Run the command of the page that puts a model into the volume, twice: a new version takes its place."""
    shutil.copytree(ROOT / "models" / "default", folder / "models" / "mine")
    (command,) = re.findall(
        r"^    (docker run .*\\\n.* /models/mine)$", PAGE.read_text(encoding="utf-8"), re.M
    )
    command = command.replace("morpheus-gae_models", f"{PROJECT}_models").replace("morpheus-gae:cpu", cpu)
    for _ in range(2):
        run("sh", "-euc", command, cwd=folder)


def test_the_stack(stack: Stack, cpu: str, tmp_path: Path) -> None:
    """One story: traffic, three scorers, one dies, one is stopped, all goes down and comes up again."""
    stack.healthy("scorer", 1)
    for service in ("kafka", "goflow2", "prometheus", "grafana"):
        stack.healthy(service, 1)
    scored(stack)
    first = stack.topics()
    assert first["flows-raw"][0] > 0
    assert first["alerts"][0] > 0
    assert first["flows-dead"][0] == 0
    told = stack.ask("kafka", COMPACTED).splitlines()
    assert told[:3] == ["flows-raw delete", "incidents compact", "incidents.state compact"]
    assert int(told[3].split()[1]) > 0, "incidents have keys"
    (scorer,) = stack.containers("scorer")
    assert "morpheus_gae_flows_total" in docker("exec", scorer, "python", "-c", METRICS).stdout
    # compiled kernels came with the image, and none had to be compiled since
    find, *rest = FIND_KERNELS
    there = set(docker("run", "--rm", *LOCKED, "--entrypoint", find, cpu, *rest).stdout.split())
    assert len(there) > 20
    assert kernels(scorer) == there

    stack("up", "--detach", "--no-build", "--no-recreate", "--scale", "scorer=3", "scorer")
    stack.healthy("scorer", 3)
    shared(stack, 3)
    # as Prometheus finds and asks them
    assert [line.split()[1] for line in stack.ask("prometheus", SCRAPE).splitlines()] == ["True"] * 3
    stack("--profile", "demo", "up", "--detach", "--no-build", "--no-deps", "replayer")
    scorers = stack.containers("scorer")
    for name in scorers:
        # not docker kill: the engine would take that for the wish that it stay down, and not start it again
        docker("exec", name, "sh", "-c", "kill -HUP 1")
    until(
        lambda: all("reload_unchanged" in {line["event"] for line in lines_of(name)} for name in scorers),
        "a SIGHUP reloads the model",
    )
    until(lambda: stack.topics()["flows-raw"][0] > first["flows-raw"][0] + 5_000, "traffic again")
    docker("exec", scorers[0], "python", "-c", KILL, check=False)
    scored(stack)
    until(lambda: bool(inspected(scorers[0])["RestartCount"]), "a killed scorer is started again")
    stack.healthy("scorer", 3)
    shared(stack, 3)
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
    for name in scorers:
        is_clean(name)

    (grafana,) = stack.containers("grafana")
    password = docker("exec", grafana, "cat", "/var/lib/grafana/.admin_password").stdout
    assert len(password) > 20
    put_a_model(cpu, tmp_path)
    stack("--profile", "demo", "down", "--timeout", "30")
    stack.set(MODEL="/models/mine")
    stack("up", "--detach", "--no-build")
    stack.healthy("grafana", 1)
    (grafana,) = stack.containers("grafana")
    assert docker("exec", grafana, "cat", "/var/lib/grafana/.admin_password").stdout == password
    stack.healthy("scorer", 1)
    shared(stack, 1)
    # messages and positions are in their volume: nothing is lost, and nothing scored again
    assert stack.topics() == second
    (scorer,) = stack.containers("scorer")
    assert kernels(scorer) == there
    stack("--profile", "demo", "up", "--detach", "--no-build", "--no-deps", "replayer")
    scored(stack)
    third = stack.topics()
    assert third["flows-raw"] == (3 * first["flows-raw"][0], 0)
    assert third["alerts"][0] > second["alerts"][0]
    is_clean(scorer)
