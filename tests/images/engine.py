"""A Docker engine, as the tests of the images ask it, and a base image where none can be pulled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Python 3.11: the host's pins have no wheels for 3.13
SUITE = os.environ.get("DEBIAN_SUITE", "bookworm")
BASE = f"morpheus-gae-test-base:{SUITE}"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
LOCKED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"),
    *("--tmpfs", "/tmp:noexec,nosuid"),
)
"""As a container is run where nothing is trusted."""
LEFT_OUT = (
    "dev/*",
    "proc/*",
    "sys/*",
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "var/cache/apt/*",
)


def run(
    *words: str, check: bool = True, seconds: float = 600, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command; its output comes with the error, if there is one."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(words)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
    return done


def docker(
    *words: str, check: bool = True, seconds: float = 600, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Ask the engine."""
    return run("docker", *words, check=check, seconds=seconds, **kwargs)


def compose() -> list[str] | None:
    """The words that call Compose, of either generation; None without one."""
    if docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def why_not() -> str | None:
    """Why the images cannot be tested here; None if they can."""
    if not os.environ.get("TEST_IMAGES"):
        return "builds images, which takes minutes: make test-images"
    if shutil.which("docker") is None:
        return "docker is not installed"
    asked = docker("info", check=False, seconds=60)
    return None if asked.returncode == 0 else f"no Docker engine answers: {asked.stderr.strip()[:200]}"


def base_image() -> str | None:
    """PYTHON_IMAGE of the environment, or what debootstrap makes; None: the Dockerfile's own."""
    told = os.environ.get("PYTHON_IMAGE")
    if told:
        return told
    if docker("image", "inspect", BASE, check=False).returncode == 0:
        return BASE
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "root"
        run(
            *("debootstrap", "--variant=minbase", "--include=python3,python3-venv,python3-pip"),
            *(SUITE, str(made)),
            seconds=1200,
        )
        changes = []
        if Path(CERTIFICATES).is_file():
            # an authority that this machine trusts, and an ordinary image does not know
            target = made / CERTIFICATES.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CERTIFICATES, target)
            changes = ["--change", f"ENV PIP_CERT={CERTIFICATES}"]
        with subprocess.Popen(
            ["tar", "-C", str(made), *(f"--exclude=./{name}" for name in LEFT_OUT), "-c", "."],
            stdout=subprocess.PIPE,
        ) as packed:
            docker("import", *changes, "-", BASE, stdin=packed.stdout)
    return BASE


def build(target: str, tag: str, **arguments: str) -> None:
    """Build a target of the Dockerfile."""
    told = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    docker(
        *(
            "build",
            "--file",
            str(ROOT / "docker" / "Dockerfile"),
            "--target",
            target,
            "--tag",
            tag,
            *told,
            str(ROOT),
        ),
        seconds=3000,
    )


def inspected(name: str) -> dict[str, Any]:
    """What the engine knows of a container or an image."""
    return json.loads(docker("inspect", name).stdout)[0]


@contextmanager
def standing(*words: str) -> Iterator[str]:
    """Run a container in the background, by its name, and remove it at the end."""
    name = docker("run", "--detach", *words).stdout.strip()
    try:
        yield name
    finally:
        docker("rm", "--force", name, check=False)


def until(true: Callable[[], bool], what: str, seconds: float = 600) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        threading.Event().wait(1)
