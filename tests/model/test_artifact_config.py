"""config.json: bounded, strict, and every fact in its range, whoever made the seal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.errors import ArtifactError
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.model.artifact_config import MOST_BYTES
from morpheus_gae.model.spec import ModelSpec
from tests.model.make import edit_config, sound

SPEC = ModelSpec().as_dict()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound(tmp_path_factory.mktemp("sound") / "m").path


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "m"))


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        load_artifact(folder)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 600
    assert "config.json" in line
    return line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../../etc/model"}, "must not begin with a dot"),
        ({"name": "a/b"}, "hold /"),
        ({"name": "a\\b"}, "hold /"),
        ({"name": ""}, "1 to 100 characters"),
        ({"name": "x" * 101}, "1 to 100 characters"),
        ({"name": 7}, "must be a text"),
        ({"name": "a\x1b[2J"}, "cannot be printed"),
        ({"name": "a\nb"}, "cannot be printed"),
        ({"name": "live\u202egae"}, "cannot be printed"),
        ({"name": "a\ud800"}, "cannot be printed"),
        ({"training": {"validation_flows": 1, "trained_on": "\x1b]0;x\x07"}}, "cannot be printed"),
        ({"training": {"validation_flows": 1, "o\u2066": 1}}, "cannot be printed"),
        ({"sha256": "f" * 63}, "sha256 must be"),
        ({"sha256": ["f"]}, "sha256 must be"),
        ({"spec": []}, "spec must be an object"),
        ({"thresholds": []}, "thresholds must be an object"),
        ({"thresholds": {"0.001": "x"}}, "must be numbers"),
        ({"thresholds": {"0.001": True}}, "must be numbers"),
        ({"thresholds": {"0.001": -1}}, "must be numbers"),
        ({"thresholds": {"0.001": 1e12}}, "must be numbers"),
        ({"thresholds": {"1": 5.0}}, "between 0 and 1"),
        ({"thresholds": {"0.0": 5.0}}, "between 0 and 1"),
        ({"thresholds": {"nan": 5.0}}, "between 0 and 1"),
        ({"thresholds": {"0.001": 5.0, "0.01": 6.0}}, "must not have a lower one"),
        ({"thresholds": {"0.01": 5.0, "0.010": 5.0}}, "0.01 twice"),
        ({"training": []}, "training must be an object"),
        ({"training": {}}, "validation_flows as a count"),
        ({"training": {"validation_flows": -1}}, "validation_flows as a count"),
        ({"training": {"validation_flows": 2.5}}, "validation_flows as a count"),
        ({"training": {"validation_flows": True}}, "validation_flows as a count"),
        ({"training": {"validation_flows": 9, "hosts": "many"}}, "hosts as a count"),
        ({"training": {"validation_flows": 9, "seconds": -1}}, "seconds"),
        ({"training": {"validation_flows": 9, "duration_missing": 2}}, "duration_missing"),
        ({"training": {"validation_flows": 9, "options": 3}}, "options"),
        ({"training": {"validation_flows": 9, "trained_on": 3}}, "trained_on"),
        ({"spec": {**SPEC, "version": 99}}, "version 99"),
        ({"spec": {**SPEC, "version": True}}, "version must be"),
        ({"spec": {**SPEC, "new_part": 1}}, "new_part"),
        ({"spec": {**SPEC, "flow_types": True}}, "flow_types must be a whole number"),
        ({"spec": {**SPEC, "flow_types": -1}}, "flow_types must be a whole number"),
        ({"spec": {**SPEC, "flow_types": 10**9}}, "flow_types must be a whole number"),
        ({"spec": {**SPEC, "flow_types": 32.0}}, "flow_types must be a whole number"),
        ({"spec": {**SPEC, "width": 0}}, "width must be a whole number"),
        ({"spec": {**SPEC, "heads": 3}}, "heads must divide the width"),
        ({"spec": {**SPEC, "heads": 0}}, "heads must be a whole number"),
        ({"spec": {**SPEC, "unet_depth": 40, "attention": True}}, "unet_depth must be a whole number"),
        ({"spec": {**SPEC, "tolerance": 0}}, "tolerance must be a number"),
        ({"spec": {**SPEC, "tolerance": "1"}}, "tolerance must be a number"),
        ({"spec": {**SPEC, "max_sweeps": 10**6}}, "max_sweeps must be a whole number"),
        ({"spec": {**SPEC, "memory": 1}}, "memory must be true or false"),
        ({"spec": {**SPEC, "memory": False}}, "makes no sense"),
        ({"spec": {**SPEC, "preset": "../x"}}, "name of the preset"),
        ({"spec": {**SPEC, "preset": None}}, "name of the preset"),
    ],
)
def test_facts_out_of_range(folder: Path, changes: dict[str, Any], words: str) -> None:
    edit_config(folder, **changes)
    assert words in refusal(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[" * 100_000, "nests deeper"),
        (b'{"a":' * 40_000, "nests deeper"),
        (b"[" * 17 + b"]" * 17, "nests deeper"),
        (b'{"format": 1, "format": 1}', "'format' twice"),
        (b'{"format": NaN}', "NaN is no JSON number"),
        (b'{"format": -Infinity}', "-Infinity is no JSON number"),
        (b'{"format": 1e999}', "beyond 64 bits"),
        (b'{"format": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b"\xff\xfe", "utf-8"),
        (b"", "cannot be read"),
        (b" " * (MOST_BYTES + 1), "more than"),
        (b"7", "format 'int'"),
        (b'{"format": "' + b"x" * 9999 + b'"}', "format 'xxx"),
        (b'{"format": 1}', "lacks ['name'"),
    ],
)
def test_text_that_is_no_config(folder: Path, text: bytes, words: str) -> None:
    (folder / "config.json").write_bytes(text)
    assert words in refusal(folder)


def test_each_member_is_needed(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    for name in config.keys() - {"columns"}:
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != name}))
        refusal(folder)


def test_a_folder_in_place_of_the_file(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    assert "cannot be read" in refusal(folder)


def test_other_budgets_are_taken(folder: Path) -> None:
    edit_config(folder, thresholds={"1e-5": 9, ".001": 8.5, "0.5": 0})
    assert load_artifact(folder).thresholds == {"1e-5": 9.0, ".001": 8.5, "0.5": 0.0}
