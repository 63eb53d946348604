from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.baselines.published import BASELINES
from morpheus_gae.evaluate.detectors import Setting, fit, make
from morpheus_gae.flows.frame import Flows, concat
from tests.evaluate.make import attack_flows, benign_flows

pytest.importorskip("torch")
pytest.importorskip("sklearn")

LIBRARY = {"published recipe": "torch_geometric", "Anomal-E": "pyod"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training of seconds."""
    from morpheus_gae.evaluate.baselines import dense, graph_ids

    monkeypatch.setattr(dense, "PASSES", 10)
    monkeypatch.setattr(graph_ids, "PASSES", 5)
    if "published recipe" in available():
        from morpheus_gae.evaluate.baselines import published_recipe

        monkeypatch.setattr(published_recipe, "UPDATES", 30)
    if "Anomal-E, PCA" in available():
        from morpheus_gae.evaluate.baselines import anomal_e

        monkeypatch.setattr(anomal_e, "STEPS", 60)


def available() -> list[str]:
    import importlib.util

    needs = {name: LIBRARY.get(name.partition(",")[0], "torch") for name in BASELINES}
    return [name for name, library in needs.items() if importlib.util.find_spec(library)]


def mixed() -> Flows:
    return concat([benign_flows(600, seed=1), attack_flows(40, first_row=600).slice(0, 20)])


@pytest.mark.parametrize("name", BASELINES)
def test_fit_score_and_repeat(name: str, tmp_path: Path) -> None:
    if name not in available():
        pytest.skip(f"{name} needs a library that is not installed")
    detector = fit(name, benign_flows(1500), tmp_path, Setting(seed=1))
    assert detector.name == name
    score = detector.score(mixed())
    assert (score.dtype, score.shape) == (np.float32, (620,))
    assert np.isfinite(score).all()
    assert (score >= 0).all()
    assert np.unique(score).size > 2
    assert detector.score(mixed().slice(0, 0)).shape == (0,)
    again = make(name, 1)
    again.fit(benign_flows(1500).slice(0, 1125))
    assert np.array_equal(again.score(mixed()), score)


@pytest.mark.parametrize("name", ["deep autoencoder", "Anomal-E, PCA"])
def test_finds_what_is_plain(name: str, tmp_path: Path) -> None:
    if name not in available():
        pytest.skip(f"{name} needs a library that is not installed")
    detector = fit(name, benign_flows(1500), tmp_path, Setting())
    score = detector.score(mixed())
    # flows without an answer, from an outsider
    assert np.median(score[600:]) > np.quantile(score[:600], 0.9)


def test_thresholds_of_their_own(tmp_path: Path) -> None:
    flows = benign_flows(2000)
    deep = fit("deep autoencoder", flows, tmp_path, Setting())
    assert deep.own is not None
    # 0.1 % of the 1,500 flows that it was trained on
    assert (deep.score(flows.slice(0, 1500)) >= np.float32(deep.own)).sum() in (1, 2)
    taught = fit("forest taught by a forest", flows, tmp_path, Setting())
    assert taught.own == 0.5
    assert (taught.score(flows.slice(0, 1500)) >= 0.5).mean() == pytest.approx(0.0045, abs=0.003)
    assert fit("unseen host", flows, tmp_path, Setting()).own is None


def test_flows_of_a_pair_are_embedded_alike() -> None:
    import torch

    from morpheus_gae.evaluate.baselines.log_columns import logs_of
    from morpheus_gae.evaluate.baselines.sage import Sage, Scale, windows_of

    flows = benign_flows(300)
    scale = Scale.of(logs_of(flows))
    (window,) = windows_of(flows, 1000, scale)
    torch.manual_seed(0)
    net = Sage(4, 8, 5, ones=True)
    with torch.no_grad():
        z = net(window)
        # as it is written: the mean over a host's flows, both hosts side by side through one linear map
        w = torch.cat([net.source.weight, net.target.weight], 1)
        at = 17
        ends = []
        for host in (window.src[at], window.dst[at]):
            mine = (window.src == host) | (window.dst == host)
            mean = window.x[mine].mean(0)
            ends.append(torch.relu(net.host(torch.cat([torch.ones(4), mean]))))
        assert torch.allclose(z[at], w @ torch.cat(ends) + net.source.bias, atol=1e-5)
    same = (window.src == window.src[at]) & (window.dst == window.dst[at])
    assert torch.equal(z[same], z[at].expand(int(same.sum()), -1))


def test_embeddings_that_do_not_vary() -> None:
    if "Anomal-E, PCA" not in available():
        pytest.skip("needs pyod")
    from morpheus_gae.errors import InputError
    from morpheus_gae.evaluate.baselines.anomal_e import AnomalE

    # in one direction only: a second component has no variance to divide by
    line = np.outer(np.random.default_rng(0).normal(size=300), np.ones(8)).astype(np.float32)
    model = AnomalE(0, "pca")
    assert np.isfinite(model._fitted(line).decision_scores_).all()
    with pytest.raises(InputError, match="cblof cannot be fitted"):
        AnomalE(0, "cblof")._fitted(np.zeros((300, 8), np.float32))


def test_loss_is_that_of_the_embeddings() -> None:
    if "Anomal-E, PCA" not in available():
        pytest.skip("needs pyod")
    import torch
    from torch.nn import functional

    from morpheus_gae.evaluate.baselines.anomal_e import Infomax
    from morpheus_gae.evaluate.baselines.log_columns import logs_of
    from morpheus_gae.evaluate.baselines.sage import Scale, windows_of

    flows = benign_flows(200)
    (window,) = windows_of(flows, 1000, Scale.of(logs_of(flows)))
    torch.manual_seed(3)
    net = Infomax(4)
    with torch.no_grad():
        torch.manual_seed(4)
        found = net(window)
        torch.manual_seed(4)
        source, target = net.encoder.ends(window, window.x[torch.randperm(200)])
        real, fake = net.encoder(window), source[window.src] + target[window.dst]
        against = net.weight @ torch.sigmoid(real.mean(0))
        plain = functional.softplus(-(real @ against)).mean() + functional.softplus(fake @ against).mean()
    assert found.item() == pytest.approx(plain.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "module", "library"),
    [
        ("Anomal-E, HBOS", "anomal_e", "pyod.models.hbos"),
        ("published recipe", "published_recipe", "torch_geometric.nn"),
    ],
)
def test_missing_library(name: str, module: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"morpheus_gae.evaluate.baselines.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'morpheus-gae\[compare\]'"):
        make(name, 0)
