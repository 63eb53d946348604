from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.executors.open import open_executor
from morpheus_gae.graph.build import build_graph
from morpheus_gae.model.artifact import BUDGETS, load_artifact
from tests.support import make_flows
from tests.train.test_recurrence import scan, sorted_by_time

pytest.importorskip("torch")
import torch

from morpheus_gae.train import checkpoint
from morpheus_gae.train import fit as fitting
from morpheus_gae.train.options import TrainOptions
from morpheus_gae.train.train import train_model


def test_the_same_seed_gives_the_same_model(tmp_path):
    flows = make_flows(1500)
    a = train_model(flows, tmp_path / "a", seed=3, epochs=2)
    b = train_model(flows, tmp_path / "b", seed=3, epochs=2)
    c = train_model(flows, tmp_path / "c", seed=4, epochs=2)
    assert a.hash == b.hash != c.hash


def test_a_terminal_is_told_the_passes(tmp_path, capsys):
    train_model(make_flows(1500), tmp_path / "a", epochs=1, progress=True)
    told = capsys.readouterr().err
    passes = ["hosts and pairs", "what comes back", "bins", "flow types", "loss=", "memory"]
    passes += ["scoring, fifth 5 of 5", "calibrating", "evidence"]
    places = [told.find(name) for name in passes]
    assert places[0] > 0
    assert places == sorted(places)
    train_model(make_flows(1500), tmp_path / "b", epochs=1)
    assert "epoch" not in capsys.readouterr().err


def test_labels_are_never_looked_at(tmp_path):
    flows = make_flows(1500)
    label = np.random.default_rng(0).integers(0, 2, len(flows))
    labelled = dataclasses.replace(flows, table=pa.table({"Label": label, "Attack": label.astype(str)}))
    a = train_model(flows, tmp_path / "a", epochs=2)
    b = train_model(labelled, tmp_path / "b", epochs=2)
    assert a.hash == b.hash
    assert a.thresholds == b.thresholds


@pytest.mark.parametrize("preset", ["default", "published"])
def test_a_crashed_run_goes_on_and_ends_with_the_same_weights(tmp_path, monkeypatch, preset):
    flows = make_flows(1500)
    whole = train_model(flows, tmp_path / "whole", preset=preset, epochs=4)

    def crash(*args, **kwargs):
        real(*args, **kwargs)
        if args[-1].epoch == 2:
            raise KeyboardInterrupt

    real = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        train_model(flows, tmp_path / "crashed", preset=preset, epochs=4)
    monkeypatch.setattr(checkpoint, "save", real)
    steps = []
    monkeypatch.setattr(fitting, "validation_loss", counted(steps, fitting.validation_loss))
    resumed = train_model(flows, tmp_path / "crashed", preset=preset, epochs=4)
    assert len(steps) == 2
    assert resumed.hash == whole.hash
    assert not (tmp_path / "crashed" / checkpoint.FOLDER).exists()


def counted(calls, function):
    def wrapper(*args, **kwargs):
        calls.append(1)
        return function(*args, **kwargs)

    return wrapper


def test_a_checkpoint_of_another_run_is_not_resumed(tmp_path, monkeypatch):
    flows = make_flows(1000)
    real = checkpoint.save

    def crash(*args, **kwargs):
        real(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        train_model(flows, tmp_path / "m", epochs=2, seed=1)
    monkeypatch.setattr(checkpoint, "save", real)
    other = train_model(flows, tmp_path / "m", epochs=2, seed=2)
    assert other.hash == train_model(flows, tmp_path / "n", epochs=2, seed=2).hash


def test_a_damaged_checkpoint_is_reported_and_ignored(tmp_path):
    folder = tmp_path / "m" / checkpoint.FOLDER
    folder.mkdir(parents=True)
    (folder / checkpoint.FILE).write_bytes(b"not a checkpoint")
    with pytest.warns(RuntimeWarning, match="damaged"):
        train_model(make_flows(500), tmp_path / "m", epochs=1)


def test_thresholds_keep_their_budget_on_traffic_of_the_same_kind(tmp_path):
    flows = make_flows(30_000, seed=1)
    artifact = train_model(flows, tmp_path / "m", epochs=3)
    later = build_graph(make_flows(30_000, seed=2))
    surprise = open_executor(artifact.path).score(later).surprise
    for budget in artifact.supported_budgets:
        assert 0.3 * float(budget) <= (surprise >= artifact.thresholds[budget]).mean() <= 3 * float(budget)
    assert list(artifact.thresholds) == sorted(BUDGETS, key=float)
    limits = list(artifact.thresholds.values())
    assert limits == sorted(limits, reverse=True)
    assert artifact.supported_budgets == ("0.001", "0.01", "0.02")


def test_the_artifact_is_whole(tmp_path):
    artifact = train_model(make_flows(1000), tmp_path / "mine", epochs=1, trained_on="made-up flows")
    loaded = load_artifact(tmp_path / "mine")
    assert loaded.hash == artifact.hash
    card = (tmp_path / "mine" / "README.md").read_text()
    assert artifact.hash in card
    assert "made-up flows" in card
    assert json.loads((tmp_path / "mine" / "metrics.json").read_text())["history"]
    probability, surprise = loaded.quantiles
    assert probability.shape == surprise.shape
    assert (np.diff(surprise) >= 0).all()


def test_no_address_is_in_the_artifact(tmp_path):
    flows = make_flows(1000)
    artifact = train_model(flows, tmp_path / "m", epochs=1)
    raw = (tmp_path / "m" / "model.safetensors").read_bytes()
    hosts = np.unique(np.concatenate([flows.src_lo, flows.dst_lo]))
    assert artifact.tensors["memory.host_key"].shape[0] == hosts.shape[0]
    assert not any(int(h).to_bytes(8, "little") in raw for h in hosts)


def test_too_few_flows_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match="at least 200"):
        train_model(make_flows(50), tmp_path / "m")


def test_a_share_that_is_set_aside_is_in_no_threshold(tmp_path):
    flows = make_flows(2000)
    found = []
    artifact = train_model(
        flows, tmp_path / "m", options=TrainOptions(epochs=1, contamination=0.05), tell=found.append
    )
    facts = artifact.config["training"]
    assert 0 < facts["set_aside"] <= 100
    assert facts["validation_flows"] == 2000 - facts["set_aside"]
    assert (facts["flows"], facts["left_out"]) == (2000, 0)
    assert sum(found[0]["flows"].to_pylist()) == facts["set_aside"]
    assert found[0].num_rows == facts["incidents"]
    plain = train_model(flows, tmp_path / "p", epochs=1)
    # calibrated, thresholds of both are near -ln 0.01: of what was set aside more lies beyond
    graph, beyond = build_graph(flows), []
    for model in (artifact, plain):
        surprise = open_executor(model.path, "torch").score(graph).surprise
        beyond.append((surprise >= model.thresholds["0.01"]).sum())
    assert beyond[0] > beyond[1]
    card = (tmp_path / "m" / "README.md").read_text()
    assert f"{facts['set_aside']:,} training flows" in card


def test_a_burst_is_not_in_memory_unless_asked_for(tmp_path):
    flows = sorted_by_time(make_flows(4000), scan(60, 10_000))
    kept = train_model(flows, tmp_path / "a", epochs=1)
    whole = train_model(flows, tmp_path / "b", options=TrainOptions(epochs=1, contamination=0.0))
    assert kept.config["training"]["left_out"] == 60
    assert whole.config["training"]["left_out"] == 0
    more = whole.tensors["memory.pair_key"].shape[0] - kept.tensors["memory.pair_key"].shape[0]
    assert more == 60


@pytest.mark.parametrize("contamination", [-0.1, 0.5, float("nan")])
def test_contamination_is_less_than_half(tmp_path, contamination):
    with pytest.raises(UsageError, match="contamination"):
        train_model(make_flows(300), tmp_path / "m", options=TrainOptions(contamination=contamination))


def test_senseless_options_are_refused(tmp_path):
    with pytest.raises(UsageError, match="epochs"):
        train_model(make_flows(300), tmp_path / "m", options=TrainOptions(epochs=0))


def test_flows_without_any_duration_train(tmp_path):
    flows = make_flows(600)
    flows.duration_missing[:] = True
    flows.attributes[:, 2] = 0
    artifact = train_model(flows, tmp_path / "m", epochs=1)
    assert np.isfinite(open_executor(artifact.path).score(build_graph(flows)).surprise).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda v: v.pop("state"),
        lambda v: v["net"].pop("tau"),
        lambda v: v["net"].update(tau=torch.zeros(3)),
        lambda v: v["state"].update(best={"x": torch.zeros(1)}),
        lambda v: v["optimiser"].update(param_groups=[]),
        lambda v: v["state"].update(other=1),
    ],
)
def test_a_checkpoint_with_other_insides_is_ignored_as_a_whole(tmp_path, damage):
    net = torch.nn.Linear(2, 2)
    net.register_parameter("tau", torch.nn.Parameter(torch.tensor(4.0)))

    def fresh(net):
        optimiser = torch.optim.AdamW(net.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=9)
        return optimiser, schedule, checkpoint.State({}, 1.0, 0, 0, [])

    checkpoint.save(tmp_path, "run", net, *fresh(net))
    path = tmp_path / checkpoint.FOLDER / checkpoint.FILE
    values = torch.load(path, weights_only=True)
    damage(values)
    torch.save(values, path)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(7.0)
    optimiser, schedule, state = fresh(net)
    with pytest.warns(RuntimeWarning, match="damaged and is ignored"):
        assert not checkpoint.load(tmp_path, "run", net, optimiser, schedule, state)
    assert all((p == 7.0).all() for p in net.parameters())
    assert vars(state) == vars(checkpoint.State({}, 1.0, 0, 0, []))
