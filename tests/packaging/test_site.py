"""The site: every page, link and anchor, and formulas that browsers draw themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_it_builds_strictly(tmp_path: Path) -> None:
    for module in ("mkdocs", "material", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    model = (tmp_path / "model.html").read_text(encoding="utf-8")
    assert model.count("<math") > 20
    assert "arithmatex" not in model
    reference = (tmp_path / "reference.html").read_text(encoding="utf-8")
    assert "score_samples" in reference
    for page in tmp_path.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        # nothing is fetched from elsewhere when a page is read
        assert re.findall(r'<(?:script|img)[^>]+src="https?:', text) == []
        assert re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="https?:', text) == []
