"""A browser that keys are pressed in, by chromedriver and the WebDriver protocol (W3C), without a library."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.report.browser import FLAGS, NAMES

KEYS = {
    **{"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c"},
    **{"Home": "\ue011", "End": "\ue010", "PageDown": "\ue00f"},
    **{"Left": "\ue012", "Up": "\ue013", "Right": "\ue014", "Down": "\ue015"},
}


class Driver:
    """One window.

    Parameters
    ----------
    port
        That chromedriver listens at.
    session
        Path of the session.
    """

    def __init__(self, port: int, session: str = "") -> None:
        self.port, self.session = port, session

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One command; its value."""
        wire = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            text = None if method == "GET" else json.dumps(body or {})
            wire.request(method, f"{self.session}{path}", text, {"Content-Type": "application/json"})
            answer = wire.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            wire.close()
        assert answer.status == 200, value
        return value

    def run(self, script: str) -> Any:
        """What a function of this body returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def press(self, *keys: str) -> None:
        """Keys, one after the other, wherever the focus is."""
        steps = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]})

    def mouse(self, *steps: dict[str, Any]) -> None:
        """Moves, presses and releases of a mouse."""
        self.ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [*steps]}]})


@contextmanager
def driven(page: Path) -> Iterator[Driver]:
    """A window on a page whose script has run; skips where there is no chromedriver."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    drives = shutil.which("chromedriver")
    if program is None or drives is None:
        pytest.skip("no Chromium and chromedriver are installed (apt-get install chromium-driver)")
    with subprocess.Popen([drives, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = next(
                int(s.rsplit(" ", 1)[1].rstrip(".\n")) for s in process.stdout if "successfully on port " in s
            )
            driver = Driver(port)
            flags = [f for f in FLAGS if "budget" not in f]
            flags += [f"--user-data-dir={page.parent / 'driven'}", "--window-size=1440,1000"]
            wanted = {"alwaysMatch": {"goog:chromeOptions": {"binary": program, "args": flags}}}
            made = driver.ask("POST", "/session", {"capabilities": wanted})
            driver.session = f"/session/{made['sessionId']}"
            driver.ask("POST", "/timeouts", {"script": 30_000})
            driver.ask("POST", "/url", {"url": page.as_uri()})
            try:
                _until_ready(driver)
                yield driver
            finally:
                driver.ask("DELETE", "")
        finally:
            process.terminate()


def _until_ready(driver: Driver) -> None:
    script = """
        const done = arguments[0], root = document.documentElement;
        const look = () => (root.dataset.ready ? done(true) : requestAnimationFrame(look));
        look();
    """
    assert driver.ask("POST", "/execute/async", {"script": script, "args": []})
