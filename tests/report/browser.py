"""A browser without a window that opens pages of the disk, with nothing else to reach."""

from __future__ import annotations

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--virtual-time-budget=5000"),
)


def browse(page: Path, *flags: str, fragment: str = "", size: str = "1440,1000") -> str:
    """What the browser prints; skips where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    profile = page.parent / "profile"
    command = [program, *FLAGS, f"--user-data-dir={profile}", f"--window-size={size}", *flags]
    done = subprocess.run(
        [*command, f"{page.as_uri()}#{fragment}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Dom(HTMLParser):
    """What is in a page after its script has run: elements, and text by element.

    Attributes
    ----------
    root
        Attributes of the document.
    tags
        (Name, attributes) of each element.
    text
        All text that a reader sees, joined.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root: dict[str, str | None] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._inside: list[str] = []
        self._text: list[str] = []
        self.feed(html)
        self.text = " ".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "html":
            self.root = dict(attrs)
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._inside):
            self._text.append(data)

    def of_class(self, name: str) -> list[tuple[str, dict[str, str | None]]]:
        """Elements of a class."""
        return [(t, a) for t, a in self.tags if name in (a.get("class") or "").split()]


def opened(page: Path, fragment: str = "", size: str = "1440,1000") -> Dom:
    """The page after its script has run to its end, without an error or a broken policy."""
    dom = Dom(browse(page, "--dump-dom", fragment=fragment, size=size))
    assert dom.root.get("data-failed") is None
    assert dom.root.get("data-ready") is not None
    return dom
