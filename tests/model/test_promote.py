"""A model takes the place of another, and the other is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.errors import ArtifactError, OutputError
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.model.promote import promote
from morpheus_gae.model.spec import PRESETS
from tests.model.make import sound


def test_there_and_back(tmp_path: Path) -> None:
    new = sound(tmp_path / "new", PRESETS["graph"])
    used = sound(tmp_path / "used")
    now, before = promote(tmp_path / "new", tmp_path / "used")
    assert (now, before) == (f"{new.name}@{new.hash}", f"{used.name}@{used.hash}")
    assert load_artifact(tmp_path / "used").hash == new.hash
    assert load_artifact(tmp_path / "used.previous").hash == used.hash
    promote(tmp_path / "used.previous", tmp_path / "used")
    assert load_artifact(tmp_path / "used").hash == used.hash
    assert load_artifact(tmp_path / "used.previous").hash == new.hash


def test_a_folder_is_made(tmp_path: Path) -> None:
    new = sound(tmp_path / "new")
    assert promote(tmp_path / "new", tmp_path / "deep" / "used") == (f"{new.name}@{new.hash}", None)
    assert load_artifact(tmp_path / "deep" / "used").hash == new.hash
    assert not (tmp_path / "deep" / "used.previous").exists()


def test_a_broken_model_is_replaced_and_never_put_into_use(tmp_path: Path) -> None:
    sound(tmp_path / "new")
    used = sound(tmp_path / "used")
    weights = tmp_path / "new" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.raises(ArtifactError, match="damaged"):
        promote(tmp_path / "new", tmp_path / "used")
    assert load_artifact(tmp_path / "used").hash == used.hash
    assert not (tmp_path / "used.previous").exists()
    weights.write_bytes(whole)
    (tmp_path / "used" / "config.json").write_text("{}")
    assert promote(tmp_path / "new", tmp_path / "used")[1] == "a broken model"
    load_artifact(tmp_path / "used")


def test_onto_itself(tmp_path: Path) -> None:
    sound(tmp_path / "used")
    with pytest.raises(ArtifactError, match="same folder"):
        promote(tmp_path / "used", tmp_path / "." / "used")


def test_where_programs_read_by_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, used = sound(tmp_path / "new", PRESETS["graph"]), sound(tmp_path / "used")
    monkeypatch.chdir(tmp_path / "used")
    promote(tmp_path / "new", ".")
    assert load_artifact(tmp_path / "used").hash == new.hash
    assert load_artifact(tmp_path / "used.previous").hash == used.hash


@pytest.mark.parametrize("used", ["", "/"])
def test_what_is_no_folder_for_a_model(tmp_path: Path, used: str) -> None:
    sound(tmp_path / "new")
    with pytest.raises(OutputError, match="is no folder for a model"):
        promote(tmp_path / "new", used)
