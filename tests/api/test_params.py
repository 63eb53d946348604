"""Parameters as scikit-learn wants them: those of its checks that apply to what takes no arrays.

Run are: parameters are kept as given, defaults are plain, get and set, clone, repr, tags, unfitted, pickling,
the same after two fits. The others hand over arrays of numbers, and flows have names.
"""

from __future__ import annotations

import copy

import pytest

from morpheus_gae import Detector, NotFittedError


def test_the_constructor_keeps_what_it_is_given_and_does_no_more() -> None:
    columns = {"IN_BYTES": "up"}
    detector = Detector(columns=columns, alert_rate=-3)
    assert detector.columns is columns
    assert set(vars(detector)) == set(detector.get_params())
    with pytest.raises(TypeError):
        Detector("default")


def test_parameters_are_set_and_unknown_ones_refused() -> None:
    detector = Detector()
    assert detector.set_params(graph_size=7) is detector
    assert detector.get_params()["graph_size"] == 7
    with pytest.raises(ValueError, match="Invalid parameter 'depth' for estimator Detector"):
        detector.set_params(graph_size=8, depth=3)
    assert detector.graph_size == 7


def test_repr_tells_what_is_not_default() -> None:
    assert repr(Detector()) == "Detector()"
    assert repr(Detector(alert_rate=0.01, executor="cuda")) == "Detector(alert_rate=0.01, executor='cuda')"


def test_scikit_learn_clones_and_classifies_it() -> None:
    base = pytest.importorskip("sklearn.base")
    detector = Detector(alert_rate=0.01, columns={"IN_BYTES": "up"})
    other = base.clone(detector)
    assert other is not detector
    assert other.get_params() == detector.get_params()
    assert base.is_outlier_detector(detector)


def test_scikit_learn_sees_whether_it_is_fitted() -> None:
    validation = pytest.importorskip("sklearn.utils.validation")
    with pytest.raises(ValueError, match="not fitted"):
        validation.check_is_fitted(Detector())
    validation.check_is_fitted(Detector.pretrained())


@pytest.mark.parametrize(
    "name", ["predict", "score_samples", "decision_function", "examine", "explain", "incidents"]
)
def test_without_a_model_there_are_no_scores(name: str) -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(Detector(), name)({})


@pytest.mark.parametrize("name", ["threshold_", "offset_", "labels_", "artifact_"])
def test_without_a_model_there_are_no_results(name: str) -> None:
    assert not hasattr(Detector(), name)
    with pytest.raises(NotFittedError):
        getattr(Detector(), name)


def test_copies_are_deep() -> None:
    detector = Detector(columns={"IN_BYTES": "up"})
    other = copy.deepcopy(detector)
    assert other.columns == detector.columns
    assert other.columns is not detector.columns
