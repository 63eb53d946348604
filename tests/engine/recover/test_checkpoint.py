"""A run over files that is cut off anywhere and taken up again: each row once, and the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.engine.recover.checkpoint import AlreadyFinished, Checkpoint
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import InputError, OutputError, UsageError
from morpheus_gae.model.strict_json import seal
from morpheus_gae.sinks.text import TextSink
from tests.cli.test_operations_checkpoint import MAKERS
from tests.engine.toys import ToyExecutor


class Crash(BaseException):
    """The process is no more."""


def run(options: Settings) -> list[str]:
    said: list[str] = []
    build_pipeline(
        [], options, say=said.append, open_executor=lambda m, k: ToyExecutor(), terminal=False
    ).run()
    return said


def crash_at(patch: pytest.MonkeyPatch, last: int) -> None:
    """Crash at a step of writing; what is half written stays as it is."""
    done = 0

    def step() -> bool:
        nonlocal done
        done += 1
        return done == last

    add, fsync, replace = TextSink.add, os.fsync, os.replace

    def adding(self: TextSink, table: Any) -> None:
        if step():
            raise Crash
        # what an earlier checkpoint counts is on the disk, and stays
        before = self._files[0].tell() if self._files else 0
        add(self, table)
        if step():
            self._files[0].flush()
            self._files[0].truncate(max(self._files[0].tell() - 3, before))
            raise Crash

    def syncing(number: int) -> None:
        if step():
            raise Crash
        fsync(number)

    def replacing(a: Any, b: Any) -> None:
        if step():
            raise Crash
        replace(a, b)
        if step():
            raise Crash

    patch.setattr(TextSink, "add", adding)
    patch.setattr(os, "fsync", syncing)
    patch.setattr(os, "replace", replacing)


@given(
    suffixes=st.lists(st.sampled_from(list(MAKERS)), min_size=1, max_size=2),
    output=st.sampled_from(["alerts.jsonl", "alerts.csv"]),
    size=st.integers(1, 30),
    batch=st.integers(1, 25),
    adaptive=st.booleans(),
    crashes=st.lists(st.integers(1, 60), max_size=4),
)
@settings(max_examples=30, deadline=None)
def test_cut_off_anywhere(
    suffixes: list[str], output: str, size: int, batch: int, adaptive: bool, crashes: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = []
        for i, suffix in enumerate(suffixes):
            given.append(str(folder / f"flows{i}{suffix}"))
            MAKERS[suffix](Path(given[-1]), 40 * i, 40)
        rule: dict[str, Any] = {"adaptive": True, "alert_rate": 0.4} if adaptive else {"threshold": 0.0}
        usual: dict[str, Any] = {"input": tuple(given), "graph_size": size, "batch_size": batch, **rule}
        told = [str(folder / f"{kind}-incidents.jsonl") for kind in ("whole", "cut")]
        run(Settings(model="toy", output=str(folder / f"whole-{output}"), incidents=told[0], **usual))
        options = Settings(
            model="toy",
            output=str(folder / f"cut-{output}"),
            incidents=told[1],
            checkpoint=str(folder / "ck"),
            checkpoint_seconds=0.0,
            **usual,
        )
        for last in crashes:
            with pytest.MonkeyPatch.context() as patch:
                crash_at(patch, last)
                try:
                    run(options)
                except Crash:
                    continue
                except AlreadyFinished:
                    pass
                break
        with contextlib.suppress(AlreadyFinished):
            run(options)
        for end in ("", ".dead.ndjson"):
            whole, cut = (folder / f"{kind}-{output}{end}" for kind in ("whole", "cut"))
            assert cut.exists() == whole.exists()
            assert not whole.exists() or cut.read_bytes() == whole.read_bytes()
        assert Path(told[1]).read_bytes() == Path(told[0]).read_bytes()


@pytest.fixture
def begun(tmp_path: Path) -> Settings:
    """Settings of a run that was cut off after some windows."""
    MAKERS[".csv"](tmp_path / "flows.csv", 0, 40)
    options = Settings(
        model="toy",
        input=(str(tmp_path / "flows.csv"),),
        output=str(tmp_path / "alerts.csv"),
        checkpoint=str(tmp_path / "ck"),
        checkpoint_seconds=0.0,
        graph_size=9,
        threshold=0.0,
    )
    with pytest.MonkeyPatch.context() as patch:
        crash_at(patch, 20)
        with pytest.raises(Crash):
            run(options)
    return options


def test_goes_on_where_it_says(begun: Settings) -> None:
    folder = Path(str(begun.checkpoint))
    found = json.loads((folder / "checkpoint.json").read_text())
    assert found["position"]["input"] == 0
    assert found["model"] == "toy@0123456789ab"
    assert found["output"]["bytes"] > 0
    (line,) = [line for line in run(begun) if "Going on" in line]
    assert f"record {found['position']['record']} of" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"graph_size": 8}, "graph_size was 9, is 8"),
        ({"threshold": 0.5}, "threshold was 0.0, is 0.5"),
        ({"output": "other.jsonl", "dead_letters": "a"}, "dead_letters was .*, is 'a'"),
        ({"output": "other.csv"}, r"is 'other\.csv\.dead\.ndjson'"),
    ],
)
def test_other_settings_are_refused(begun: Settings, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(begun.overridden(change))


def test_changed_inputs_are_refused(begun: Settings) -> None:
    with Path(begun.input[0]).open("a") as file:
        file.write("10.0.0.1,10.0.0.2,1,1,1,more\n")
    with pytest.raises(UsageError, match=r"flows\.csv is another file or has changed"):
        run(begun)
    with pytest.raises(UsageError, match="it had 1 inputs, this has 2"):
        run(begun.overridden({"input": (begun.input[0], begun.input[0])}))


def test_an_output_that_was_cut_is_refused(begun: Settings) -> None:
    os.truncate(str(begun.output), 10)
    with pytest.raises(OutputError, match="shorter than the checkpoint says"):
        run(begun)


def test_another_model_is_refused(begun: Settings) -> None:
    def other(_model: str, _kind: str) -> ToyExecutor:
        executor = ToyExecutor()
        executor.artifact.hash = "ba9876543210"
        return executor

    with pytest.raises(UsageError, match="model was toy@0123456789ab, is toy@ba9876543210"):
        build_pipeline([], begun, say=lambda line: None, open_executor=other, terminal=False)


def test_a_damaged_checkpoint_is_told(begun: Settings) -> None:
    (Path(str(begun.checkpoint)) / "checkpoint.json").write_text("{")
    with pytest.raises(InputError, match="remove it to begin anew"):
        run(begun)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b"\xff",
        b"[]",
        b'{"format": 1}',
        b'{"format": 2}',
        b'{"format": 2, "format": 2}',
        b"NaN",
    ],
)
def test_what_is_no_checkpoint_is_told(begun: Settings, text: bytes) -> None:
    (Path(str(begun.checkpoint)) / "checkpoint.json").write_bytes(text)
    with pytest.raises(InputError, match="remove it to begin anew"):
        run(begun)


def test_a_digit_that_changed_is_noticed_before_an_output_is_cut(begun: Settings) -> None:
    path = Path(str(begun.checkpoint)) / "checkpoint.json"
    found = json.loads(path.read_text())
    found["output"]["bytes"] -= 10
    path.write_text(json.dumps(found))
    before = Path(str(begun.output)).read_bytes()
    with pytest.raises(InputError, match="damaged or was edited: remove it to begin anew"):
        run(begun)
    assert Path(str(begun.output)).read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"position": None},
        {"position": {"input": 7, "record": 0}},
        {"position": {"input": -1, "record": 0}},
        {"position": {"input": 0, "record": 1.5}},
        {"position": {"input": True, "record": 0}},
        {"output": {"bytes": -5, "schema": None}},
        {"output": {"bytes": 0, "schema": 7}},
        {"output": {"bytes": 0}},
        {"output": {"bytes": 0, "schema": "bm8gc2NoZW1h"}},
        {"output": {"bytes": 0, "schema": "!"}},
        {"dead_letters": -1},
        {"dead_letters": "9"},
        {"learnt": [1]},
        {"inputs": 5},
        {"inputs": [5]},
        {"settings": []},
        {"model": {"a": 1}},
        {"finished": 1, "position": 3},
    ],
)
def test_edited_facts_are_told_whoever_made_the_seal(begun: Settings, change: dict[str, Any]) -> None:
    path = Path(str(begun.checkpoint)) / "checkpoint.json"
    found = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({**found, "seal": seal(found)}))
    before = Path(str(begun.output)).read_bytes()
    with pytest.raises((InputError, OutputError), match="to begin anew") as caught:
        run(begun)
    assert str(caught.value).isprintable()
    assert Path(str(begun.output)).read_bytes() == before


def test_a_finished_run_does_nothing_more(begun: Settings) -> None:
    run(begun)
    before = Path(str(begun.output)).read_bytes()
    with pytest.raises(AlreadyFinished, match="nothing to do"):
        run(begun)
    assert Path(str(begun.output)).read_bytes() == before


def test_two_runs_cannot_share_one(begun: Settings) -> None:
    live: Any = type("", (), {"label": "toy@0123456789ab", "threshold": None})
    first = Checkpoint(begun, live, list(begun.input))
    with pytest.raises(OutputError, match="another run uses it"):
        run(begun)
    first.close()
    run(begun)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": "-"}, "needs --output FILE"),
        ({"output": "a.jsonl.gz"}, r"continues \.jsonl and \.csv"),
        ({"output": "a.parquet"}, r"continues \.jsonl and \.csv"),
        ({"input": ("-",), "format": "csv"}, "reads files"),
        ({"reload_seconds": 1.0}, "exclude each other"),
    ],
)
def test_what_cannot_be_taken_up_is_refused(
    begun: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        run(begun.overridden(change))


def test_stages_that_do_not_write_are_refused(begun: Settings) -> None:
    options = begun.overridden({})
    with pytest.raises(UsageError, match="--checkpoint needs a pipeline that scores"):
        build_pipeline(
            ["from-netflow", "build-graph"],
            Settings(input=options.input, checkpoint=options.checkpoint),
            say=lambda line: None,
        )
