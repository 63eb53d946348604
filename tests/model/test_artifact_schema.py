"""The schema is what the torch module and training make, for every kind of spec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.artifact_schema import misfit, schema
from morpheus_gae.model.enriched import GIVEN
from morpheus_gae.model.spec import ModelSpec
from tests.model.make import SIZES, SPECS, sound

SHIPPED = Path(__file__).resolve().parents[2] / "models"


@pytest.mark.parametrize("name", list(SPECS))
def test_parameters_are_those_of_the_torch_module(name: str) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.model.gae import GAE

    sizes = tuple(SIZES[n] for n in ("bins0", "groups0", "bins1", "groups1", "bins2"))
    extra = ()
    if SPECS[name].enriched:
        groups = (1 if given is None else SIZES[f"groups{given}"] for given in GIVEN)
        extra = tuple((g, SIZES[f"codes of extra {i}"]) for i, g in enumerate(groups))
    state = GAE(SPECS[name], sizes, extra).state_dict()
    wanted = {
        n.removeprefix("net."): [s if isinstance(s, int) else SIZES[s] for s in kind.shape]
        for n, kind in schema(SPECS[name]).items()
        if n.startswith("net.")
    }
    assert {n: list(v.shape) or [1] for n, v in state.items()} == wanted


def test_what_training_writes_fits(tiny_models: dict[str, Artifact]) -> None:
    for artifact in tiny_models.values():
        again = load_artifact(artifact.path)
        assert again.tensors.keys() == schema(artifact.spec).keys()
        for name, tensor in artifact.tensors.items():
            np.testing.assert_array_equal(again.tensors[name], tensor)


def test_shipped_models_fit_and_are_sealed() -> None:
    folders = [path.parent for path in SHIPPED.glob("*/config.json")]
    for folder in folders:
        assert load_artifact(folder).config["seal"]


@pytest.mark.parametrize("name", list(SPECS))
def test_made_up_models_fit(name: str, tmp_path: Path) -> None:
    sound(tmp_path / "m", SPECS[name])
    assert load_artifact(tmp_path / "m").spec == SPECS[name]


def test_sizes_that_do_not_fit_each_other_are_told() -> None:
    spec = ModelSpec()
    found = {
        name: (kind.dtype, tuple(n if isinstance(n, int) else SIZES[n] for n in kind.shape))
        for name, kind in schema(spec).items()
    }
    assert misfit(found, spec) is None
    for name, shape, words in (
        ("memory.pair", (8, 7), "memory.pair is [8, 7], which does not fit the 9 pairs of memory.pair_key"),
        ("bins.edges0", (5,), "bins.edges0 has 5 edges, which do not make the 5 bins of bins.group0"),
        ("net.table2", (2, 6, 16), "net.table2 is F32 [2, 6, 16], must be F32 [groups0, bins1, 32]"),
        ("quantiles.surprise", (), "quantiles.surprise is F32 [], must be F32 [quantiles]"),
    ):
        assert misfit({**found, name: (found[name][0], shape)}, spec) == words
    assert misfit({**found, "memory.salt": ("I64", (1,))}, spec) == "memory.salt is I64 [1], must be U64 [1]"
    assert misfit({}, spec) == "it lacks 'bins.edges0', 'bins.edges1', 'bins.edges2' and 36 more"
    assert "'net.new'" in str(misfit({**found, "net.new": ("F32", (1,))}, spec))
