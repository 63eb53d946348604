from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from morpheus_gae.engine.live_model import LiveModel, Slot
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.recover.reload import Reloader
from morpheus_gae.errors import ArtifactError
from tests.cli.live import until
from tests.engine.toys import ToyExecutor, toy_graph


def model(hash: str, threshold: float = 50.0) -> LiveModel:
    executor = ToyExecutor()
    executor.artifact.hash = hash
    executor.artifact.thresholds = {"0.001": threshold}
    return LiveModel(executor, toy_graph)


class Disk:
    """A model folder: what loading gives, or raises."""

    def __init__(self, folder: Path, first: LiveModel) -> None:
        self.folder, self.there = folder, first
        self.write(first)

    def write(self, there: Any, text: str | None = None) -> None:
        self.there = there
        (self.folder / "config.json").write_text(text or getattr(there, "label", str(there)))

    def load(self) -> LiveModel:
        if isinstance(self.there, Exception):
            raise self.there
        return self.there


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path, model("a" * 12))


def reloader(disk: Disk, seconds: float | None = None) -> tuple[Reloader, Slot, Metrics, list[str]]:
    slot, metrics, said = Slot(disk.load()), Metrics(), []
    return Reloader(str(disk.folder), disk.load, slot, metrics, said.append, seconds), slot, metrics, said


def test_swaps_when_asked(disk: Disk) -> None:
    reload, slot, metrics, said = reloader(disk)
    reload.start()
    disk.write(model("b" * 12))
    reload.ask()
    until(lambda: said, "a word on the reload")
    reload.close()
    assert slot.current is disk.there
    assert said == [f"Model toy@{'b' * 12} takes the place of toy@{'a' * 12} from the next window on"]
    assert (metrics.reloads, metrics.reload_failures) == (1, 0)


def test_the_same_model_keeps_its_adaptive_threshold(disk: Disk) -> None:
    reload, slot, metrics, said = reloader(disk)
    before = slot.current
    disk.write(model("a" * 12))
    reload.reload(asked=True)
    assert slot.current is before
    assert said == [f"The model is the same as before: toy@{'a' * 12} goes on"]
    assert metrics.reloads == 0


def test_thresholds_that_were_set_anew_count_as_another_model(disk: Disk) -> None:
    reload, slot, _, _ = reloader(disk)
    disk.write(model("a" * 12, threshold=7.0))
    reload.reload(asked=True)
    assert slot.current is disk.there


@pytest.mark.parametrize(
    "error", [ArtifactError("x is damaged:\n its tensors hash to y"), ZeroDivisionError()]
)
def test_a_bad_model_leaves_the_old_one(disk: Disk, error: Exception) -> None:
    reload, slot, metrics, said = reloader(disk)
    before = slot.current
    disk.write(error)
    for _ in range(2):
        reload.reload(asked=True)
    assert slot.current is before
    assert metrics.reload_failures == 2
    assert len(said) == 2
    assert said[0].startswith(f"Error: the model was not reloaded, toy@{'a' * 12} goes on: ")
    assert "\n" not in said[0]
    # a folder that is still being copied is told once, and taken once it is whole
    for _ in range(2):
        reload.reload(asked=False)
    assert len(said) == 2
    disk.write(model("b" * 12))
    reload.reload(asked=False)
    assert slot.current is disk.there


def test_looks_at_the_folder(disk: Disk) -> None:
    reload, slot, metrics, said = reloader(disk, seconds=0.01)
    reload.start()
    disk.write(ArtifactError("half"), "half")
    until(lambda: metrics.reload_failures >= 2, "two looks at half a model")
    assert len(said) == 1
    disk.write(model("b" * 12))
    until(lambda: slot.current is disk.there, "the swap")
    reload.close()
    assert metrics.reloads == 1
