"""The fuzzer itself: inputs come of their numbers, every preset has seeds, what dies or hangs is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.readers.read import read_flows
from tests.flows import made_files as files
from tests.fuzz.case import Case
from tests.fuzz.child import MEMORY, replayed
from tests.fuzz.corpus import Corpus
from tests.fuzz.generate import Generator
from tests.fuzz.models import ModelCases
from tests.fuzz.records import record_of, seeds
from tests.fuzz.target import Target, Violation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(7)


def test_an_input_comes_of_its_number(generator: Generator) -> None:
    again = Generator(7)
    for number in range(300):
        case = generator.case(number)
        assert case.to_bytes() == again.case(number).to_bytes()
        assert Case.from_bytes(case.to_bytes()) == case
    assert generator.case(1).to_bytes() != Generator(8).case(1).to_bytes()


def test_every_kind_of_input_is_made(generator: Generator) -> None:
    cases = [generator.case(number) for number in range(3000)]
    kinds = {(case.target, case.kind) for case in cases}
    assert kinds >= {("file", k) for k in ("text", "csv", "json", "arrow", "parquet")}
    assert kinds >= {("payload", k) for k in ("csv", "json", "arrow", "avro", "protobuf")}
    assert kinds >= {("door", k) for k in ("arrow", "parquet")}
    assert kinds >= {("model", k) for k in ("bytes", "config", "tensors")}
    told = [case.told for case in cases]
    assert {t["preset"] for t in told if "preset" in t} >= set(PRESETS)
    assert any(t.get("stdin") for t in told)
    assert any("columns" in t for t in told)
    assert any(t.get("suffix", "").endswith(".zst") for t in told)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_seeds_that_are_read(preset: str, tmp_path: Path) -> None:
    flows = 0
    for i, seed in enumerate(seed for seed in seeds() if seed.preset == preset):
        path = tmp_path / f"{i}{seed.suffix}"
        path.write_text(seed.text, encoding="utf-8")
        flows += sum(len(batch.flows) for batch in read_flows(str(path), preset=preset))
    assert flows, f"no seed of preset {preset} gives a flow: add a sample to tests/flows/samples.py"


def test_records_are_made_of_any_preset() -> None:
    assert all(record_of(preset, i) for preset in PRESETS.values() for i in range(3))


def test_models_have_hashes_that_fit(tmp_path: Path) -> None:
    make = ModelCases().make
    cases = [make(Random(number)) for number in range(100)]
    # what lies behind the hash is what is tried
    assert sum(case.kind == "tensors" for case in cases) > 50


def test_what_dies_fails_or_hangs_is_told(tmp_path: Path) -> None:
    status, text = replayed(lambda: str(os.kill(os.getpid(), signal.SIGSEGV)))
    assert os.WTERMSIG(status) == signal.SIGSEGV
    assert "test_fuzz" in text
    status, text = replayed(lambda: str(1 // 0))
    assert os.WEXITSTATUS(status) == 3
    assert text.startswith("ZeroDivisionError")

    def endless() -> str:
        while True:
            pass

    status, _ = replayed(endless, seconds=1)
    assert os.WTERMSIG(status) == signal.SIGALRM
    assert replayed(lambda: "fine") == (0, "fine")


def test_records_that_are_lost_are_told(tmp_path: Path) -> None:
    target = Target(tmp_path)
    text = files.csv_text([files.record(1)]).encode()
    told = {"suffix": ".csv"}
    assert target.run(Case("file", "csv", [text], told, rows=1, whole=True)).startswith("flows")
    with pytest.raises(Violation, match="rows lost or made: 2 in"):
        target.run(Case("file", "csv", [text], told, rows=2))
    assert target.run(Case("file", "csv", [b"a,b\n1,2\n"], told)).startswith("InputError")


def test_a_corpus_goes_on(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    case = Case("file", "csv", [b"x"], {"suffix": ".csv"})
    assert corpus.keep(case.to_bytes())
    corpus.go_on(3, 4000)
    corpus.fail("SIGSEGV somewhere", 17, case.to_bytes(), "trace")
    again = Corpus(tmp_path)
    assert again.position(3) == 4000
    assert again.position(4) == 0
    assert again.load() == [case]
    assert Case.from_bytes(next((tmp_path / "failures").glob("*.case")).read_bytes()) == case


@pytest.mark.timeout(900)
def test_twenty_thousand_inputs_do_no_harm(tmp_path: Path) -> None:
    told = tmp_path / "summary.json"
    given = ["--inputs", "5600", "--seed", "1", "--jobs", "2", "--json", str(told)]
    command = [sys.executable, "-m", "tests.fuzz", *given, "--corpus", str(tmp_path / "corpus"), "--fixed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(told.read_text(encoding="utf-8"))
    assert summary["inputs"] == 5600
    # of a topic each message is an input of its own
    assert summary["inputs"] + summary["messages"] >= 20_000
    assert summary["memory"] <= MEMORY
    # most is refused at some door; a good part must come through all of them
    assert sum(n for name, n in summary["outcomes"].items() if ": flows " in name) > 1000
