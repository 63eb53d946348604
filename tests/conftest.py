"""Models that several tests read, trained once a session on small synthetic flows."""

from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.spec import PRESETS
from tests.support import make_flows


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """One artifact of each preset, by name."""
    pytest.importorskip("torch")
    from morpheus_gae.train.train import train_model

    folder: Path = tmp_path_factory.mktemp("models")
    flows = make_flows(3000)
    return {name: train_model(flows, folder / name, preset=name, seed=1, epochs=12) for name in PRESETS}
