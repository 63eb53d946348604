"""Real model folders that go bad under a running pipeline: the old model stays, counted and told once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.engine.live_model import Slot
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.recover.reload import Reloader
from morpheus_gae.engine.run.pipeline import _load
from morpheus_gae.engine.settings import Settings
from tests.model.make import edit_config, edit_tensors, sound, sound_tensors


def config(folder: Path, text: bytes) -> None:
    (folder / "config.json").write_bytes(text)


def no_seal(folder: Path) -> None:
    told = json.loads((folder / "config.json").read_text())
    config(folder, json.dumps({k: v for k, v in told.items() if k != "seal"}).encode())


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "every number NaN": lambda f: edit_tensors(
        f, lambda t: {n: a if a.dtype.kind != "f" else np.full_like(a, np.nan) for n, a in t.items()}
    ),
    "pairs and weights halved": lambda f: edit_tensors(
        f,
        lambda t: {n: a[: len(a) // 2] if n.startswith(("memory.pair", "net.")) else a for n, a in t.items()},
    ),
    "no host keys": lambda f: edit_tensors(f, lambda t: {n: a for n, a in t.items() if "host_key" not in n}),
    "groups out of their table": lambda f: edit_tensors(
        f, lambda t: {**t, "bins.group0": t["bins.group0"] + 1000}
    ),
    "weights that overflow": lambda f: edit_tensors(
        f, lambda t: {**t, "net.existence.2.weight": t["net.existence.2.weight"] * np.float32(1e30)}
    ),
    "cut off": cut,
    "weights gone": lambda f: (f / "model.safetensors").unlink(),
    "no seal": no_seal,
    "a name to climb by": lambda f: edit_config(f, name="../../x"),
    "a name to act on a terminal": lambda f: edit_config(f, name="x\x1b[2J"),
    "thresholds the wrong way round": lambda f: edit_config(f, thresholds={"0.001": 1.0, "0.01": 2.0}),
    "deep": lambda f: config(f, b"[" * 100_000),
    "empty": lambda f: config(f, b""),
    "folder gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_the_old_model_goes_on(damage: str, tmp_path: Path) -> None:
    folder = sound(tmp_path / "live").path
    load = partial(_load, ["infer-gae", "flag-anomalies"], Settings(model=str(folder)), None, print)
    slot, metrics, said = Slot(load()), Metrics(), []
    reload = Reloader(str(folder), load, slot, metrics, said.append)
    before = slot.current
    # another model than the one that runs, and damaged
    sound(folder, tensors=sound_tensors(before.executor.artifact.spec, seed=5))
    DAMAGES[damage](folder)
    for looks in (1, 2, 3):
        reload.reload(asked=False)
        assert slot.current is before
        assert (metrics.reloads, metrics.reload_failures) == (0, looks)
    (line,) = said
    assert line.startswith(f"Error: the model was not reloaded, {before.label} goes on: {folder}")
    assert line.isprintable()
    # whole again, it takes its place
    sound(folder, tensors=sound_tensors(before.executor.artifact.spec, seed=5))
    reload.reload(asked=False)
    assert slot.current.label != before.label
    assert metrics.reloads == 1
    assert len(said) == 2
