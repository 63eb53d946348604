from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from morpheus_gae.errors import ArtifactError, UsageError
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.model.spec import PRESETS, ModelSpec, preset
from tests.model.make import sound, sound_tensors


@pytest.fixture
def folder(tmp_path):
    return sound(tmp_path / "m").path


def edit(path, **changes):
    config = json.loads((path / "config.json").read_text())
    config.update(changes)
    (path / "config.json").write_text(json.dumps(config))


def test_contents_are_on_the_disk_before_names_are(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append("contents"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("name"), replace(a, b)))
    sound(tmp_path / "m")
    assert done == ["contents", "name"] * 4


def test_round_trip(folder):
    a = load_artifact(folder)
    wanted = sound_tensors(PRESETS["default"])
    assert a.tensors.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_array_equal(a.tensors[name], tensor)
        assert a.tensors[name].dtype == tensor.dtype
        assert a.tensors[name].flags.aligned
    assert a.spec == PRESETS["default"]
    assert a.thresholds == {"0.001": 7.5, "0.01": 4.5}
    assert a.supported_budgets == ("0.01",)
    assert (folder / "README.md").read_text() == f"model {a.hash}"
    assert not list(folder.glob("*.part"))


def test_a_model_from_before_its_later_parts_has_the_same_hash(tmp_path):
    plain = sound(tmp_path / "m", ModelSpec())
    later = {"evidence": True, "prefixes": True, "activity": True, "lift": True, "partners": True}
    assert not later.keys() & plain.config["spec"].keys()
    assert load_artifact(plain.path).spec == ModelSpec()
    assert ModelSpec.from_dict({**ModelSpec().as_dict(), **later}) == PRESETS["default"]


def test_a_changed_tensor_is_refused(folder):
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "model.safetensors").write_bytes(raw)
    with pytest.raises(ArtifactError, match="damaged or was edited"):
        load_artifact(folder)


def test_a_truncated_tensor_file_is_refused(folder):
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ArtifactError, match="damaged"):
        load_artifact(folder)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(ArtifactError, match=file):
        load_artifact(folder)


def test_other_formats_and_broken_json_are_refused(folder, tmp_path):
    for change, words in (
        ({"format": 99}, "format 99"),
        ({"format": True}, "format True"),
        ({"spec": {**ModelSpec().as_dict(), "version": 99}}, "its seal"),
    ):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        edit(copy, **change)
        with pytest.raises(ArtifactError, match=words):
            load_artifact(copy)
    (folder / "config.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_artifact(folder)


def test_a_file_in_place_of_a_folder_is_named(folder):
    with pytest.raises(ArtifactError, match="is a file"):
        load_artifact(folder / "config.json")


def test_specs_that_make_no_sense_are_refused():
    for values in ({"memory": False}, {"edge_decoder": True}, {"unet_depth": 2}):
        with pytest.raises(UsageError):
            ModelSpec(**values)
    with pytest.raises(UsageError, match="published"):
        preset("no such preset")
    assert all(ModelSpec.from_dict(s.as_dict()) == s for s in PRESETS.values())


def test_an_edited_threshold_is_noticed(folder):
    edit(folder, thresholds={"0.01": 9.5})
    with pytest.raises(ArtifactError, match=r"edited.*--threshold"):
        load_artifact(folder)


def test_without_a_seal_a_threshold_could_be_edited(folder):
    file = folder / "config.json"
    config = json.loads(file.read_text())
    del config["seal"]
    file.write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match=r"config\.json has no seal.*train the model again"):
        load_artifact(folder)


def test_what_no_executor_reads_may_be_broken_or_gone(folder):
    (folder / "metrics.json").write_bytes(b"\xff{")
    (folder / "README.md").unlink()
    assert load_artifact(folder).name == "toy"
