"""The image ``morpheus`` on a stand-in for NVIDIA's: every step of its build, under the host's pins."""

from __future__ import annotations

from tests.images.engine import LOCKED, ROOT, docker, inspected


def test_it_is_healthy(morpheus: str) -> None:
    config = inspected(morpheus)["Config"]
    assert config["User"] == "10001:0"
    assert config["Healthcheck"]["Test"] == ["CMD", "morpheus-gae-health"]
    for user in ("10001:0", "54321:0", "54321:54321"):
        words = ("--user", user, "--entrypoint", "morpheus-gae-health", morpheus)
        assert "alerts" in docker("run", "--rm", *LOCKED, *words).stderr


def test_the_pins_are_as_they_were(morpheus: str) -> None:
    told = docker(
        "run", "--rm", *LOCKED, "--entrypoint", "python", morpheus, "-m", "pip", "list", "--format=freeze"
    ).stdout
    pins = (ROOT / "constraints-host.txt").read_text(encoding="utf-8").splitlines()
    assert {pin for pin in pins if pin and not pin.startswith("#")} <= set(told.lower().split())


def test_the_stock_command_is_kept(morpheus: str) -> None:
    words = ("--entrypoint", "/workspace/docker/entrypoint.sh", morpheus, "morpheus-stock")
    assert docker("run", "--rm", *LOCKED, *words).stdout == "the stock command\n"
    done = docker("run", "--rm", *LOCKED, morpheus, "run", "pipeline-gae", "--help")
    assert "Usage: morpheus run pipeline-gae" in done.stdout
