"""Parameters that make no sense are refused in one line, wherever they come from."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morpheus_gae import ArtifactError, Detector, GaeError, UsageError
from morpheus_gae.api.sound import check_params
from tests.api.flows import known, make_table

ODD = (None, "", "x", "1", b"x", 0, -1, 0.5, math.nan, math.inf, 1e308, 2**70, True, [], {}, ("a",))
SCORING = ("alert_rate", "columns", "pair_seconds", "graph_size", "window_seconds", "windows", "executor")


@pytest.mark.parametrize("name", SCORING)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values_score_or_are_refused(name: str, value: Any) -> None:
    detector = known().set_params(**{name: value})
    with contextlib.suppress(GaeError):
        assert detector.predict(make_table(20)).shape == (20,)


@pytest.mark.parametrize("value", ["0.01", None, [0.01]], ids=repr)
def test_the_parameter_is_named(value: Any) -> None:
    with pytest.raises(UsageError, match="alert_rate must be a number, not"):
        known(alert_rate=value).predict(make_table(20))


def test_training_refuses_them_before_it_reads() -> None:
    odd = {"epochs": 0, "max_flows": -1, "random_state": -1, "preset": None, "name": 5}
    for name, value in odd.items():
        with pytest.raises(UsageError, match=f"{name} must be"):
            Detector(**{name: value}).fit(make_table(20))


def test_numbers_of_numpy_are_numbers() -> None:
    params = Detector(alert_rate=np.float32(0.01), graph_size=np.int64(7), epochs=np.int32(3)).get_params()
    check_params(params)
    check_params(Detector(columns={"IN_BYTES": "up"}, window_seconds=math.inf).get_params())


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"alert_rate": "high"}),
        json.dumps({"columns": {"IN_BYTES": 5}}),
        json.dumps({"executor": ["cpu"]}),
        "[" * 100_000,
        "[]",
    ],
    ids=["rate", "columns", "executor", "deep", "list"],
)
def test_a_folder_with_such_parameters_is_no_model(tmp_path: Path, text: str) -> None:
    known().save(tmp_path)
    (tmp_path / "detector.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"detector\.json"):
        Detector.load(tmp_path)
