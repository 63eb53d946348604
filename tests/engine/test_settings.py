from __future__ import annotations

import os
from pathlib import Path

import pytest

from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import UsageError


def test_what_is_not_given_changes_nothing() -> None:
    before = Settings(input=("a",), threshold=0.5)
    assert before.overridden({"input": (), "threshold": None, "adaptive": False, "other": 1}) == before


def test_threshold_of_zero_is_given() -> None:
    assert Settings().overridden({"threshold": 0.0}).threshold == 0.0


def test_a_stage_takes_back_what_the_pipeline_was_told() -> None:
    told = Settings().overridden({"threshold": 0.9}).overridden({"alert_rate": 0.01})
    assert (told.threshold, told.alert_rate) == (None, 0.01)
    told = Settings().overridden({"alert_rate": 0.01, "adaptive": True}).overridden({"threshold": 0.9})
    assert (told.threshold, told.alert_rate, told.adaptive) == (0.9, None, False)
    told = Settings().overridden({"adaptive": True}).overridden({"alert_rate": 0.01})
    assert told.adaptive


@pytest.mark.parametrize("other", [{"alert_rate": 0.1}, {"adaptive": True}])
def test_threshold_excludes_the_others(other: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="excludes"):
        Settings().overridden({"threshold": 0.5, **other})


def test_bad_records_go_beside_a_file() -> None:
    assert Settings(output="x/a.jsonl").dead_letters_path == "x/a.jsonl.dead.ndjson"
    assert Settings(output="-").dead_letters_path is None
    assert Settings().dead_letters_path is None
    assert Settings(output="-", dead_letters="d").dead_letters_path == "d"


def test_a_pipe_is_live_and_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert not Settings(input=(str(tmp_path / "file"), str(tmp_path / "*.csv"))).live
    assert Settings(input=(str(tmp_path / "pipe"),)).live
