from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.cli.gae import main
from morpheus_gae.model.artifact import load_artifact
from tests.model.make import sound


def flows_file(folder: Path, seed: int, attacks: str = "none") -> str:
    path = folder / f"flows{seed}.parquet"
    args = ["simulate", "--network", "1", "--flows", "6000", "--hosts", "50", "--output", str(path)]
    done = CliRunner().invoke(main, [*args, "--seed", str(seed), "--attacks", attacks])
    assert done.exit_code == 0, done.output
    return str(path)


def test_a_model_is_trained_on_and_promoted_if_it_is_not_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    run, used, new = CliRunner().invoke, tmp_path / "used", tmp_path / "new"
    first, second, check = (flows_file(tmp_path, s, a) for s, a in ((1, "none"), (2, "none"), (3, "all")))
    done = run(main, ["train", "--input", first, "--model", str(used), "--epochs", "1"])
    assert done.exit_code == 0, done.output
    before = load_artifact(used)
    args = ["model", "retrain", str(used), "--input", second, "--model", str(new), "--epochs", "1"]
    done = run(main, [*args, "--json", str(tmp_path / "r.json")])
    assert done.exit_code == 0, done.output
    assert f"from used@{before.hash}" in done.output
    facts = json.loads((tmp_path / "r.json").read_text())["training"]
    assert (facts["parent"], facts["kept"], facts["flows"]) == (f"used@{before.hash}", 0.5, 6000)
    assert load_artifact(used).hash == before.hash
    monkeypatch.setattr("morpheus_gae.evaluate.compare.worse", lambda found: ["it is"])
    done = run(main, [*args, "--promote", "--check", check])
    assert (done.exit_code, "worse: it is" in done.output) == (1, True)
    assert load_artifact(used).hash == before.hash
    monkeypatch.setattr("morpheus_gae.evaluate.compare.worse", lambda found: [])
    done = run(main, [*args, "--promote", "--check", check])
    assert done.exit_code == 0, done.output
    assert load_artifact(used).hash == load_artifact(new).hash != before.hash
    assert load_artifact(tmp_path / "used.previous").hash == before.hash


def test_what_makes_no_sense_is_refused_before_the_work(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    run = CliRunner().invoke
    used = str(sound(tmp_path / "used").path)
    (tmp_path / "file").touch()
    args = ["model", "retrain", used, "--input", "no-such-file"]
    for more, code, message in (
        (["--model", used], 2, "the old model's folder"),
        (["--model", str(tmp_path / "file")], 2, "is a file"),
        (["--model", str(tmp_path / "new"), "--promote"], 2, "--promote and --check go together"),
        (["--model", str(tmp_path / "new"), "--check", "x"], 2, "--promote and --check go together"),
        (["--model", str(tmp_path / "new"), "--keep", "2"], 2, "--keep"),
        (["--model", str(tmp_path / "new")], 1, "no-such-file"),
    ):
        done = run(main, [*args, *more])
        assert (done.exit_code, message in done.output) == (code, True), done.output
    done = run(main, ["model", "retrain", str(tmp_path), "--input", "x", "--model", str(tmp_path / "new")])
    assert (done.exit_code, "not a model folder" in done.output) == (1, True)
    assert not (tmp_path / "new").exists()
