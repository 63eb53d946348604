from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.evaluate.labels import Labels

pytest.importorskip("matplotlib")

THRESHOLDS = {"0.0001": 9.0, "0.001": 6.5, "0.01": 4.2, "0.02": 3.6}


def sample(attacks: int, benign: int) -> tuple[Labels, np.ndarray]:
    rng = np.random.default_rng(0)
    surprise = np.concatenate([rng.exponential(1, benign), 4 + rng.exponential(3, attacks)])
    attack = np.arange(attacks + benign) >= benign
    all_of_them = np.ones(attack.shape[0], bool)
    return Labels(attack, all_of_them, np.full(attack.shape[0], -1, np.int32)), surprise.astype(np.float32)


@pytest.mark.parametrize(
    ("attacks", "benign", "names"),
    [
        (300, 6000, ["roc.png", "precision_recall.png", "scores.png"]),
        (3, 2, ["roc.png", "precision_recall.png", "scores.png"]),
        (0, 50, ["scores.png"]),
        (50, 0, ["scores.png"]),
    ],
)
def test_draws_what_the_labels_allow(tmp_path: Path, attacks: int, benign: int, names: list[str]) -> None:
    from morpheus_gae.evaluate.plots import draw

    made = draw(tmp_path / "plots", *sample(attacks, benign), THRESHOLDS, "toy")
    assert [p.name for p in made] == names
    for path in made:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_no_global_state(tmp_path: Path) -> None:
    import sys

    from morpheus_gae.evaluate.plots import draw

    draw(tmp_path, *sample(5, 50), THRESHOLDS, "toy")
    assert "matplotlib.pyplot" not in sys.modules


def test_long_curves_are_thinned() -> None:
    from morpheus_gae.evaluate.curves import curve
    from morpheus_gae.evaluate.plots import POINTS, _thinned

    labels, surprise = sample(20_000, 20_000)
    c = curve(labels.attack, surprise)
    kept = _thinned(c.fpr, c.tpr)
    assert kept.shape[0] <= 2 * POINTS
    # nothing visible is lost: no gap along the curve is wider than a pixel
    assert np.abs(np.diff(c.fpr[kept])).max() < 1e-3
    assert (kept[0], kept[-1]) == (0, c.fpr.shape[0] - 1)
