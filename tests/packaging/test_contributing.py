"""The pages about the project itself: walks lead to files that are there, versions agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from morpheus_gae import __version__

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALKS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^###? |\Z)", PAGE, re.M | re.S))


def paths(text: str) -> list[Path]:
    return [ROOT / word for word in re.findall(r"`((?:morpheus_gae|tests|docs|docker)/[\w./-]+)`", text)]


def test_five_walks() -> None:
    assert len(WALKS) == 5


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_is_short_and_leads_somewhere(name: str) -> None:
    steps = re.findall(r"^\d\. .*", WALKS[name], re.M)
    assert 2 <= len(steps) <= 3
    assert all(paths(step) for step in steps)
    found = paths(WALKS[name])
    assert [path for path in found if not path.exists()] == []
    assert any(path.name.startswith(("test_", "exporters")) for path in found)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("morpheus_gae/flows/exporters/presets/names.py", ["PRESETS", "vendors.ECS"]),
        ("morpheus_gae/detect/encodings.py", ["ENCODINGS", 'name == "eve"']),
        ("morpheus_gae/cli/pipeline_options.py", ['"--encoding"', '"eve"']),
        ("morpheus_gae/sinks/open.py", ["FORMATS", "def open_sink"]),
        ("morpheus_gae/sinks/sink.py", ["def add", "def flush", "def close"]),
        ("morpheus_gae/sinks/remote/webhook.py", ["def post", "def close"]),
        ("morpheus_gae/sinks/remote/target.py", ["PORTS", "OPTIONS", "webhook+https"]),
        ("morpheus_gae/sinks/remote/open.py", ["def _post", "def _webhook"]),
        ("tests/sinks/remote/web.py", ["class Web"]),
        ("morpheus_gae/executors/cuda/sums.py", ["def neighbour_sums_torch", "triton_sums"]),
        ("morpheus_gae/engine/observe/prometheus.py", ["COUNTERS", "LABELLED", "GAUGES"]),
        ("tests/flows/samples.py", ["class Sample"]),
    ],
)
def test_what_a_walk_tells_is_there(file: str, words: list[str]) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert [word for word in words if word not in text] == []


def test_the_newest_entry_is_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, re.M)
    assert entries[0][0] == __version__
    assert [date for _, date in entries] == sorted((date for _, date in entries), reverse=True)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "README.md"])
def test_links_of_the_root_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    told = [link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)]
    assert [link for link in told if link and not (ROOT / link).exists()] == []
