from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from morpheus_gae.detect.adaptive import AdaptiveThreshold
from morpheus_gae.detect.threshold import FixedThreshold
from morpheus_gae.engine.live_model import LiveModel
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.recover.state import Learnt, StateFile
from morpheus_gae.errors import GaeError, InputError, UsageError
from tests.engine.toys import ToyExecutor, toy_graph


def live(threshold: Any, hash: str = "0123456789ab") -> LiveModel:
    executor = ToyExecutor()
    executor.artifact.hash = hash
    return LiveModel(executor, toy_graph, threshold)


def counted(of: LiveModel) -> Metrics:
    metrics = Metrics()
    metrics.follow_scores()
    metrics.serving(of.executor.artifact)
    return metrics


def windows(n: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.exponential(2.0, 1000).astype(np.float32) for _ in range(n)]


def learnt(of: LiveModel, metrics: Metrics, surprise: np.ndarray) -> Any:
    assert of.threshold is not None
    threshold = of.threshold.of_window(surprise)
    metrics.scored(surprise, float(threshold))
    return SimpleNamespace(learnt=Learnt.of(of, of.threshold, metrics), threshold=threshold)


def test_a_restart_goes_on_as_if_there_had_been_none(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    one = live(AdaptiveThreshold(0.01, half_life=3000))
    metrics = counted(one)
    whole = [learnt(one, metrics, surprise) for surprise in windows(8)]

    state = StateFile(path)
    before = live(AdaptiveThreshold(0.01, half_life=3000))
    first = counted(before)
    for surprise in windows(8)[:5]:
        state.keep(learnt(before, first, surprise))
    state.close()
    after = live(AdaptiveThreshold(0.01, half_life=3000))
    second = counted(after)
    assert StateFile(path).load(after, second)
    rest = [learnt(after, second, surprise) for surprise in windows(8)[5:]]
    # to the last bit
    assert [w.threshold for w in rest] == [w.threshold for w in whole[5:]]
    assert second.score_quantiles() == metrics.score_quantiles()


def test_another_rate_goes_on_from_the_same_history(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    one = live(AdaptiveThreshold(0.01))
    state = StateFile(path)
    state.keep(learnt(one, counted(one), windows(1)[0]))
    other = live(AdaptiveThreshold(0.1))
    StateFile(path).load(other, counted(other))
    again = live(AdaptiveThreshold(0.1))
    assert again.threshold is not None
    again.threshold.of_window(windows(1)[0])
    assert other.threshold is not None
    assert other.threshold.of_window(windows(2)[1]) == again.threshold.of_window(windows(2)[1])


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    one = live(AdaptiveThreshold(0.01))
    state = StateFile(path)
    state.keep(learnt(one, counted(one), windows(1)[0]))
    other = live(AdaptiveThreshold(0.01), hash="ba9876543210")
    with pytest.raises(
        UsageError, match=r"learnt with model toy@0123456789ab, this run uses toy@ba9876543210"
    ):
        StateFile(path).load(other, counted(other))


def test_written_at_most_every_few_seconds_and_at_the_end(tmp_path: Path) -> None:
    now = [0.0]
    path = tmp_path / "state.json"
    state = StateFile(str(path), seconds=5, clock=lambda: now[0])
    one = live(AdaptiveThreshold(0.01))
    metrics = counted(one)
    versions = []
    for surprise in windows(4):
        state.keep(learnt(one, metrics, surprise))
        versions.append(path.read_bytes())
        now[0] += 2.0
    assert len(set(versions)) == 2
    assert versions[2] == versions[0] != versions[3]
    now[0] += 1.0
    state.keep(learnt(one, metrics, windows(5)[4]))
    assert path.read_bytes() == versions[3]
    state.close()
    assert path.read_bytes() != versions[3]
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_a_fixed_threshold_keeps_the_scores_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    one = live(FixedThreshold(3.0))
    StateFile(str(path)).keep(learnt(one, counted(one), windows(1)[0]))
    saved = json.loads(path.read_text())
    assert saved["threshold"] is None
    assert saved["scores"]["bins"]
    adaptive = live(AdaptiveThreshold(0.01))
    assert StateFile(str(path)).load(adaptive, counted(adaptive))
    assert adaptive.threshold.history.empty  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", InputError),
        ("[]", InputError),
        ('{"format": 7}', InputError),
        ('{"format": 1, "model": "toy@0123456789ab", "threshold": {"bins": [1]}}', InputError),
        (
            '{"format": 1, "model": "toy@0123456789ab", '
            '"threshold": {"bins_per_octave": 256, "bins": [99999], "mass": [1]}}',
            InputError,
        ),
        (
            '{"format": 1, "model": "toy@0123456789ab", '
            '"threshold": {"bins_per_octave": 256, "bins": [1, 2], "mass": [1e308, 1e308]}}',
            InputError,
        ),
        ('{"format": 1, "model": "toy@0123456789ab", "threshold": [[1]]}', InputError),
        ('{"format": 1, "model": "toy@0123456789ab", "threshold": "x"}', InputError),
        ('{"format": 1, "format": 1}', InputError),
        ('{"format": 1, "model": NaN}', InputError),
        ("[" * 100_000, InputError),
        ('{"format": 1, "model": "\x1b[2J"}', InputError),
        ('{"format": 1, "model": "toy@\\u001b[2J"}', UsageError),
    ],
)
def test_what_is_no_state_is_told(tmp_path: Path, text: str, error: type[GaeError]) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    one = live(AdaptiveThreshold(0.01))
    with pytest.raises(error, match=r"state\.json") as caught:
        StateFile(str(path)).load(one, counted(one))
    assert str(caught.value).isprintable()


def test_no_state_yet_is_no_error_but_no_folder_is(tmp_path: Path) -> None:
    one = live(AdaptiveThreshold(0.01))
    assert not StateFile(str(tmp_path / "state.json")).load(one, counted(one))
    with pytest.raises(UsageError, match="folder does not exist"):
        StateFile(str(tmp_path / "no" / "state.json")).load(one, counted(one))
