"""Stages are adapters: small, and without ideas of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

STAGES = sorted((Path(__file__).parents[2] / "morpheus_gae" / "stages").glob("*.py"))
REGISTERED = ("build_graph", "flag_anomalies", "from_netflow", "infer_gae", "to_alerts")


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)
def test_under_150_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("name", [*REGISTERED, "base"])
def test_annotations_are_kept_as_they_are(name: str) -> None:
    # the host compares them, and knows no union of types
    (path,) = [path for path in STAGES if path.stem == name]
    assert "from __future__ import annotations\n" not in path.read_text(encoding="utf-8").split('"""', 2)[2]


def test_the_package_names_every_stage() -> None:
    told = [path.stem for path in STAGES if '@register_stage("' in path.read_text(encoding="utf-8")]
    assert told == list(REGISTERED)
