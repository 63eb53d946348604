from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.evaluate import detectors
from morpheus_gae.evaluate.detectors import RULES, Setting, fit, known, named
from morpheus_gae.evaluate.studies.protocols import case, parse
from morpheus_gae.flows.frame import Flows, concat
from tests.evaluate.make import benign_flows, campaign_flows, timed_benign


def test_names() -> None:
    assert set(RULES) <= set(known())
    for name in known():
        assert named(name) == name
    assert named("unseen_host") == named("Unseen-Host") == "unseen host"
    assert named("dense_autoencoder_octets") == "dense autoencoder + octets"
    with pytest.raises(UsageError, match="unknown detector 'crystal_ball': choose of default, "):
        named("crystal_ball")


@pytest.mark.parametrize("protocol", ["as_is", "temporal", "random", "dirty=5%", "as_is+dirty=5%", "drift"])
def test_labels_never_reach_training(protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    import morpheus_gae.train.train as train

    seen: list[Flows] = []

    class Enough(Exception):
        pass

    def train_model(flows: Flows, *args: Any, **options: Any) -> None:
        seen.append(flows)
        raise Enough

    monkeypatch.setattr(train, "train_model", train_model)
    monkeypatch.setattr(detectors, "make", lambda name, seed: Spy(seen))
    flows = concat([timed_benign(2000, 300.0), campaign_flows(first_row=2000)])
    asked = case(parse([protocol])[0], flows, ("burst20",), 0, tmp_path)
    for name in ("default", "unseen host"):
        with pytest.raises(Enough if name == "default" else AssertionError):
            fit(name, asked.train, tmp_path, Setting())
    assert len(seen) == 2
    for flows in seen:
        assert set(flows.table.column_names) <= {"row"}


class Spy:
    def __init__(self, seen: list[Flows]) -> None:
        self.seen = seen

    def fit(self, flows: Flows) -> None:
        self.seen.append(flows)
        raise AssertionError

    def score(self, flows: Flows) -> None:
        raise NotImplementedError


def test_thresholds_of_comparators_come_from_the_last_quarter(tmp_path: Path) -> None:
    found = fit("unseen pair", benign_flows(4000), tmp_path, Setting())
    assert found.supported == ("0.01", "0.02")
    assert set(found.thresholds) == {"0.0001", "0.001", "0.01", "0.02"}
