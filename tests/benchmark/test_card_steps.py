"""What the steps tell, and that they tell what is wrong."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.benchmark import card_steps
from morpheus_gae.benchmark.card import Card
from morpheus_gae.executors.base import Scores
from tests.fixtures.make import MODELS

pytest.importorskip("torch")


@pytest.fixture
def card(tmp_path: Path) -> Card:
    for name in ("default", "published"):
        shutil.copytree(MODELS / name, tmp_path / name)
    return Card("cpu", str(tmp_path), (60, 1_000), (1, 1_000), (1, 50), ("default", "published"), 2, 40)


def test_scores_are_the_cpus(card: Card) -> None:
    rows = list(card_steps.scores(card))
    assert [row["what"] for row in rows[:3]] == [
        "default, client, 1 flows", "default, client, 1,000 flows", "default, hub, 1,000 flows",
    ]  # fmt: skip
    assert all(row["right"] and row["off"] < 1e-4 and row["between runs"] == 0 for row in rows)


def test_a_number_that_moves_is_seen(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    from morpheus_gae.executors.cuda import graph

    assert all(row["right"] for row in card_steps.tables(card))
    numbered, calls = graph.numbered, []

    def racing(flows):
        calls.append(len(flows))
        pair, *rest = numbered(flows)
        return (pair + (len(calls) == 4), *rest)

    monkeypatch.setattr(graph, "numbered", racing)
    assert [row["right"] for row in card_steps.tables(card)].count(False) == 1


def scored() -> Scores:
    some = np.linspace(0, 5, 1_000).astype(np.float32)
    return Scores(some / 5, some.astype(np.float64), some, some, 3, {}, some, None)


def changed(part: str, at: slice, by: float) -> Scores:
    values = getattr(scored(), part).copy()
    values[at] += by
    return dataclasses.replace(scored(), **{part: values})


def test_scores_that_differ_are_told() -> None:
    want = scored()
    assert card_steps.compared([want, scored()], [scored()], want)["right"]
    # rounding moves few flows, and not far
    few = changed("surprise", slice(0, 4), 1e-3)
    assert card_steps.compared([few], [], want)["right"]
    for wrong in (
        changed("surprise", slice(0, 6), 1e-3),
        changed("graph_part", slice(0, 1), 0.1),
        changed("score", slice(0, 1), np.nan),
        dataclasses.replace(want, unseen_hosts=4),
        dataclasses.replace(want, graph_part=None),
        dataclasses.replace(want, activity_part=want.flow_part),
    ):
        assert not card_steps.compared([wrong], [], want)["right"]
        assert not card_steps.compared([want], [wrong], want)["right"]
    assert card_steps.compared([want, few], [], want)["between runs"] == pytest.approx(1e-3, rel=1e-3)
    assert card_steps.compared([want], [few], want)["between runs"] == 0


def test_speed_and_operations(card: Card) -> None:
    rows = list(card_steps.speed(card))
    assert len(rows) == 2 * 2 * 2
    assert all(row["ms"] > 0 and row["flows a second"] > 0 for row in rows)
    rows = list(card_steps.operations(card))
    whole = [row for row in rows if row["what"].endswith("in all")]
    assert len(whole) == 4
    assert all(row["launches"] > 0 for row in rows if row not in whole)


@pytest.mark.parametrize("shape", ["client", "hub", "uniform", "one pair", "all different"])
def test_windows_of_every_shape(shape: str) -> None:
    for n in (1, 37, 2_000):
        flows = card_steps.shaped(shape, n, 50)
        assert len(flows) == flows.table.num_rows == n
        pairs = len({*zip(flows.src_lo.tolist(), flows.dst_lo.tolist(), strict=True)})
        assert pairs == {"one pair": 1, "all different": n}.get(shape, pairs)
