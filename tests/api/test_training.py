"""Detectors that are trained: the model that the command makes, labels and scores of training flows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from morpheus_gae import BadRowsWarning, Detector, InputError, UsageError
from tests.api.flows import changed, fitted, make_table

pytest.importorskip("torch")
pytest.importorskip("sklearn")


def test_fit_makes_the_model_that_train_makes(tmp_path: Path) -> None:
    from morpheus_gae.train.options import TrainOptions
    from morpheus_gae.train.read import read_for_training
    from morpheus_gae.train.train import train_model

    detector, path = fitted(), tmp_path / "flows.parquet"
    # time order, whatever the order of the rows
    pq.write_table(make_table(2500).take(np.random.default_rng(0).permutation(2500)), path)
    flows, _ = read_for_training([str(path)], 10_000_000)
    trained = train_model(flows, tmp_path / "m", epochs=1, options=TrainOptions(), name="detector")
    assert detector.artifact_.hash == trained.hash
    assert detector.artifact_.thresholds == trained.thresholds


def test_enriched_features_are_those_of_train_too(tmp_path: Path) -> None:
    from morpheus_gae.model.spec import enriched, preset
    from morpheus_gae.train.options import TrainOptions
    from morpheus_gae.train.read import read_for_training
    from morpheus_gae.train.train import train_model

    table, path = make_table(800), tmp_path / "flows.parquet"
    pq.write_table(table, path)
    detector = Detector(epochs=1, features="enriched").fit(table)
    flows, _ = read_for_training([str(path)], enriched=True)
    how = {"epochs": 1, "options": TrainOptions(), "name": "detector"}
    trained = train_model(flows, tmp_path / "m", spec=enriched(preset("default")), **how)
    assert detector.artifact_.hash == trained.hash
    with pytest.raises(UsageError, match="flow or enriched"):
        Detector(features="all").fit(table)


def test_signs_are_those_of_scikit_learn_and_pyod() -> None:
    detector, table = fitted(), make_table(2500)
    assert np.array_equal(-detector.decision_scores_, detector.score_samples(table))
    decision = detector.decision_function(table)
    assert np.array_equal(decision, detector.score_samples(table) - detector.offset_)
    predicted = detector.predict(table)
    assert set(predicted.tolist()) == {-1, 1}
    assert np.array_equal(predicted, np.where(decision < 0, -1, 1))
    assert np.array_equal(detector.labels_, np.where(predicted < 0, 1, 0))
    assert detector.threshold_ == -detector.offset_


def test_fit_predict_is_fit_then_predict() -> None:
    table = changed(make_table(600), "OUT_BYTES", lambda values: values.__setitem__(9, None))
    detector = Detector(epochs=1, alert_rate=0.02)
    predicted = detector.fit_predict(table)
    with pytest.warns(BadRowsWarning):
        assert np.array_equal(predicted, detector.predict(table))
    assert predicted[9] == 0
    assert detector.labels_[9] == 0
    assert np.isnan(detector.decision_scores_[9])
    assert detector.bad_counts_ == {"missing_counter": 1}


def test_two_fits_are_the_same() -> None:
    table = make_table(400)
    one, two = (Detector(epochs=1).fit(table).artifact_.hash for _ in range(2))
    other = Detector(epochs=1, random_state=1).fit(table).artifact_.hash
    assert one == two != other


def test_all_rows_are_bad() -> None:
    table = changed(
        make_table(300), "IPV4_SRC_ADDR", lambda values: values.__setitem__(slice(None), ["?"] * 300)
    )
    with pytest.warns(BadRowsWarning):
        assert fitted().predict(table).tolist() == [0] * 300
    with pytest.raises(InputError, match="no well-formed flow to train on; bad records: unparsable_address"):
        Detector().fit(table)
