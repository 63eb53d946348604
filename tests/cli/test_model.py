from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main
from morpheus_gae.engine.run import defaults as choose
from morpheus_gae.errors import ArtifactError
from morpheus_gae.model import shipped
from tests.model.make import sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    training = {"validation_flows": 20_000, "data": {"flows": 123_456}}
    return sound(tmp_path / "toy", thresholds={"0.001": 6.5}, training=training).path


def test_show(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["model", "show", str(folder), "--json", str(tmp_path / "f.json")])
    assert done.exit_code == 0, done.output
    assert "toy@" in done.output
    assert "verified" in done.output
    assert "123,456" in done.output
    facts = json.loads((tmp_path / "f.json").read_text())
    assert facts["thresholds"] == {"0.001": 6.5}
    assert facts["spec"]["flow_types"] == 32


def test_show_refuses_an_edited_model(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["spec"]["flow_types"] = 16
    (folder / "config.json").write_text(json.dumps(config))
    done = CliRunner().invoke(main, ["model", "show", str(folder)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "edited" in done.output


def test_show_refuses_what_is_no_model(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["model", "show", str(tmp_path)])
    assert done.exit_code == 1
    assert "not a model folder" in done.output


def test_default_model_is_looked_for(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "INSTALLED", tmp_path / "installed")
    monkeypatch.setattr(shipped, "CHECKOUT", tmp_path / "checkout")
    assert choose.choose_model("given") == "given"
    with pytest.raises(ArtifactError, match="morpheus-gae train"):
        choose.choose_model(None)
    beside = tmp_path / "checkout" / "models" / "default"
    beside.parent.mkdir(parents=True)
    folder.rename(beside)
    # what is called models beside packages of other projects is none of ours
    with pytest.raises(ArtifactError, match="morpheus-gae train"):
        choose.choose_model(None)
    (tmp_path / "checkout" / "pyproject.toml").touch()
    assert choose.choose_model(None) == str(beside)
    beside.rename(tmp_path / "installed")
    assert choose.choose_model(None) == str(tmp_path / "installed")
    (tmp_path / "models").mkdir()
    (tmp_path / "installed").rename(tmp_path / "models" / "default")
    assert choose.choose_model(None) == str(Path("models") / "default")


def test_list_and_verify_tell_broken_ones(folder: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    broken = sound(tmp_path / "broken").path / "config.json"
    broken.write_text("{}")
    done = run(main, ["model", "list", str(tmp_path), "--json", str(tmp_path / "l.json")])
    assert done.exit_code == 1
    assert "toy@" in done.stdout
    assert "broken: " in done.stderr
    assert len(json.loads((tmp_path / "l.json").read_text())) == 2
    assert run(main, ["model", "verify", str(folder)]).stdout.startswith("sound: toy@")
    done = run(main, ["model", "verify", str(folder), str(broken.parent)])
    assert done.exit_code == 1
    assert "sound: toy@" in done.stdout
    assert run(main, ["model", "list", str(folder)]).exit_code == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no model in" in run(main, ["model", "list", str(empty)]).output


def test_compare_and_promote(tmp_path: Path) -> None:
    run = CliRunner().invoke
    flows = tmp_path / "flows.ndjson"
    done = run(main, ["simulate", "--output", str(flows), "--flows", "600", "--hosts", "60"])
    assert done.exit_code == 0, done.output
    models = Path(__file__).parents[1] / "fixtures" / "models"
    one, other = str(models / "default"), str(models / "graph")
    done = run(
        main, ["model", "compare", one, other, "--input", str(flows), "--json", str(tmp_path / "c.json")]
    )
    assert done.exit_code == 0, done.output
    assert "rank correlation" in done.output
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["flows"] == 600
    assert found["quality"] is not None
    done = run(main, ["model", "promote", one, str(tmp_path / "used")])
    assert done.exit_code == 0, done.output
    assert "before: no model" in done.output
    done = run(main, ["model", "promote", other, str(tmp_path / "used")])
    assert "used.previous" in done.output
