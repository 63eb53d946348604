from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from morpheus_gae.model.spec import preset
from morpheus_gae.train import train as trainer
from morpheus_gae.train.options import TrainOptions
from morpheus_gae.train.train import train_model
from morpheus_gae.train.weights import Weights
from tests.evaluate.make import timed_benign


def test_shared_weights_are_those_of_a_run_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []
    fit = trainer.fit

    def counted(*given):  # type: ignore[no-untyped-def]
        fits.append(1)
        return fit(*given)

    monkeypatch.setattr(trainer, "fit", counted)
    flows, default = timed_benign(2000, 100.0), preset("default")
    plain = replace(default, evidence=False, activity=False, partners=False, lift=False)
    shared, options = Weights(), TrainOptions(epochs=1)
    train_model(flows, tmp_path / "a", spec=default, options=options, weights=shared)
    got = train_model(flows, tmp_path / "b", spec=plain, options=options, weights=shared)
    assert len(fits) == 1
    want = train_model(flows, tmp_path / "c", spec=plain, options=options)
    assert len(fits) == 2
    assert got.hash == want.hash
    assert got.thresholds == want.thresholds
    # others take part in fitting
    train_model(flows, tmp_path / "d", spec=replace(plain, prefixes=False), options=options, weights=shared)
    train_model(flows, tmp_path / "e", spec=plain, seed=1, options=options, weights=shared)
    assert len(fits) == 4
