"""``morpheus-gae gpu-check``: one command that says "right", or what differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from morpheus_gae.benchmark import card
from morpheus_gae.cli.gae import main

torch = pytest.importorskip("torch")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_gpu_there_is_one_line() -> None:
    done = CliRunner().invoke(main, ["gpu-check"])
    assert done.exit_code == 2
    assert done.output.startswith("Error: no CUDA device: torch ")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("options", [("--device", "tpu"), ("--windows", "many"), ("--limit_seconds", "0")])
def test_wrong_options(options: tuple[str, str]) -> None:
    assert CliRunner().invoke(main, ["gpu-check", *options]).exit_code == 2


@pytest.mark.parametrize(("problems", "code"), [([], 0), (["scores: WRONG  hub"], 1)])
def test_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problems: list[str], code: int
) -> None:
    def check(device, windows, seconds, tell):
        assert (device, windows, seconds) == ("cuda:1", [200_000, 2_500_000], 450)
        tell("speed")
        return card.Checked({"device": {"name": "one"}}, {"speed": []}, problems, 1.5)

    monkeypatch.setattr(card, "check", check)
    file = tmp_path / "gpu.json"
    done = CliRunner().invoke(main, ["gpu-check", "--device", "cuda:1", "--json", str(file)])
    assert done.exit_code == code
    assert "speed" in done.output
    assert ("right: scores are the CPU's" in done.output) == (not problems)
    told = json.loads(file.read_text())
    assert told["right"] is (not problems)
    assert told["problems"] == problems
