from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.evaluate.curves import average_precision, curve, roc_auc, youden

mixed = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60).filter(
    lambda rows: len({attack for attack, _ in rows}) == 2
)


def test_hand_computed() -> None:
    # attacks at 9 and 3, benign at 5 and 1
    c = curve(np.array([True, False, True, False]), np.array([9, 5, 3, 1], np.float32))
    assert c.threshold.tolist() == [9, 5, 3, 1]
    assert c.tpr.tolist() == [0.5, 0.5, 1, 1]
    assert c.fpr.tolist() == [0, 0.5, 0.5, 1]
    assert roc_auc(c) == 0.75
    assert average_precision(c) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # both 9 and 3 reach TPR - FPR = 0.5: the stricter one is taken
    assert youden(c) == 0


def test_ties_count_half() -> None:
    c = curve(np.array([True, False]), np.zeros(2, np.float32))
    assert c.threshold.tolist() == [0]
    assert roc_auc(c) == 0.5


@given(mixed)
def test_as_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    attack = np.array([a for a, _ in rows])
    surprise = np.array([s for _, s in rows], np.float32)
    c = curve(attack, surprise)
    assert roc_auc(c) == pytest.approx(metrics.roc_auc_score(attack, surprise))
    assert average_precision(c) == pytest.approx(metrics.average_precision_score(attack, surprise))


@given(mixed, st.randoms())
def test_order_does_not_matter(rows: list[tuple[bool, int]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    a, b = (
        curve(np.array([x for x, _ in part]), np.array([s for _, s in part], np.float32))
        for part in (rows, shuffled)
    )
    assert a.true.tolist() == b.true.tolist()
    assert a.false.tolist() == b.false.tolist()
