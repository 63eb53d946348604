"""Models that several tests read: small ones that lie beside the tests, the same on every processor."""

from __future__ import annotations

import functools
import inspect
import os
import warnings

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from morpheus_gae.model.artifact import Artifact, load_artifact
from morpheus_gae.model.spec import PRESETS
from tests.fixtures.make import MODELS

# the tests are about the embedded engine, also where NVIDIA Morpheus is installed; tests/stages is about that
os.environ.setdefault("MORPHEUS_RUN_ENGINE", "embedded")

# the first example of a process may compile kernels; pytest-timeout ends what hangs
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
# of the examples that property tests make, where the same tests have run in full before
SHARE = float(os.environ.get("TESTS_SHARE", "1"))

if "mix_stderr" in inspect.signature(CliRunner.__init__).parameters:
    # click before 8.2 keeps stderr apart only when told to, and then leaves it out of the output
    Result.output = property(lambda result: result.stdout + result.stderr)  # type: ignore[assignment]
    CliRunner.__init__ = functools.partialmethod(CliRunner.__init__, mix_stderr=False)  # type: ignore[assignment]


def _has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    with warnings.catch_warnings():
        # of a driver that does not fit: then there is none
        warnings.simplefilter("ignore")
        return torch.cuda.is_available()


# what takes long begins first where files are shared out between processes, so that none is left at the end
LONG = ("kafka", "benchmark", "cli", "stages", "executors")


def _begins(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return LONG.index(folder) if folder in LONG else len(LONG)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first in a worker of pytest-xdist; skip what needs a GPU where there is none."""
    if hasattr(config, "workerinput"):
        items.sort(key=_begins)
    if SHARE < 1:
        for test in {item.obj for item in items if getattr(item.obj, "is_hypothesis_test", False)}:
            own = test._hypothesis_internal_use_settings
            fewer = settings(own, max_examples=max(3, round(SHARE * own.max_examples)))
            test._hypothesis_internal_use_settings = fewer
    marked = [item for item in items if item.get_closest_marker("gpu")]
    has_gpu = bool(marked) and _has_gpu()
    for item in marked:
        # shown, but no failure: what torch and Triton warn of on a device depends on it and on the driver
        item.add_marker(pytest.mark.filterwarnings("default"))
        if not has_gpu:
            item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


@pytest.fixture(scope="session")
def tiny_models() -> dict[str, Artifact]:
    """One artifact of each preset, by name, trained on ``make_flows(3000)``."""
    return {name: load_artifact(MODELS / name) for name in PRESETS}


@pytest.fixture(scope="session")
def every_model(
    tiny_models: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Artifact]:
    """Those, and an enriched one with random weights: between them they have every part that there is."""
    from tests.executors.whole_models import whole_models

    return {**tiny_models, "enriched": whole_models(tmp_path_factory.mktemp("every"))["enriched"]}
