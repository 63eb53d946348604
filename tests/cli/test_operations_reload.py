"""Another model while running: every flow once, each window by one model, the old one if the new is bad."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morpheus_gae.executors.base import Executor
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.files.stream import Stream
from morpheus_gae.flows.text.ndjson import NdjsonReader
from morpheus_gae.graph.build import build_graph
from tests.cli.live import ROOT, SECONDS, STDIN, Live, flow_lines

SIZE = 40
MODELS = ("default", "published")


def label(name: str) -> str:
    config = json.loads((ROOT / "models" / name / "config.json").read_text())
    return f"{config['name']}@{config['sha256'][:12]}"


def put(name: str, folder: Path) -> None:
    """What a deployment does: the weights first, what names them last."""
    folder.mkdir(exist_ok=True)
    for part in ("model.safetensors", "config.json"):
        shutil.copyfile(ROOT / "models" / name / part, folder / f"{part}.new")
        (folder / f"{part}.new").replace(folder / part)


def surprise(executor: Executor, data: bytes) -> np.ndarray:
    """Scores of one window, made in this process."""
    chunks = iter([data])
    stream = Stream(lambda n: next(chunks, b""), lambda: 0, lambda: None)
    (batch,) = NdjsonReader(stream, "test")
    spec = executor.artifact.spec
    graph = build_graph(batch.flows, octets=spec.octets, tolerance=spec.tolerance, max_sweeps=spec.max_sweeps)
    return executor.score(graph).surprise


def check(rows: list[dict[str, Any]], count: int) -> list[str]:
    """Every flow once and in order; each window with the scores of the one model it names; these names."""
    assert [row["IN_BYTES"] for row in rows] == list(range(count))
    known = {label(name): open_executor(ROOT / "models" / name) for name in MODELS}
    used = []
    for start in range(0, count, SIZE):
        window = rows[start : start + SIZE]
        (name,) = {row["model"] for row in window}
        expected = surprise(known[name], flow_lines(start, min(start + SIZE, count)))
        np.testing.assert_array_equal([row["surprise"] for row in window], expected)
        used.append(name)
    return used


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put("default", tmp_path / "model")
    return tmp_path / "model"


def live(folder: Path, *args: str) -> Live:
    return Live(
        *(*STDIN, "--graph_size", str(SIZE), *args), model=str(folder), module="morpheus_gae.cli.morpheus"
    )


def test_a_hangup_swaps_models_between_windows(folder: Path) -> None:
    old, new = map(label, MODELS)
    with live(folder, "--metrics_port", "0") as run:
        assert run.out is not None
        run.give(flow_lines(0, 70))
        run.out.count(SIZE)
        put("published", folder)
        run.signal(signal.SIGHUP)
        run.err.with_text(f"Model {new} takes the place of {old}")
        # the window that was being filled takes the new one: nothing of it was built yet
        run.give(flow_lines(70, 130))
        run.out.count(3 * SIZE)
        put("default", folder)
        run.signal(signal.SIGHUP)
        run.err.with_text(f"Model {old} takes the place of {new}")
        samples = run.samples()
        assert samples["morpheus_gae_reloads_total"] == 2
        assert samples["morpheus_gae_reload_failures_total"] == 0
        run.give(flow_lines(130, 250))
        assert run.end() == 0
        assert check(run.rows(), 250) == [old, new, new, old, old, old, old]


def test_flows_that_come_all_the_while(folder: Path) -> None:
    with live(folder) as run:
        assert run.out is not None
        run.give(flow_lines(0, SIZE))
        run.out.count(SIZE)
        count, pause = SIZE, threading.Event()
        for name in ("published", "default", "published"):
            put(name, folder)
            asked = len(run.err.all)
            run.signal(signal.SIGHUP)
            # flows go on coming while the model is loaded
            deadline = time.monotonic() + SECONDS
            while not [line for line in run.err.all[asked:] if "takes the place" in line]:
                assert time.monotonic() < deadline, run.err.all
                run.give(flow_lines(count, count + 25))
                count += 25
                pause.wait(0.02)
            # windows of this model, before the next one comes
            run.give(flow_lines(count, count + 2 * SIZE))
            count += 2 * SIZE
            run.out.count(count // SIZE * SIZE)
        run.give(flow_lines(count, count + 2 * SIZE))
        assert run.end() == 0
        used = check(run.rows(), count + 2 * SIZE)
        changes = [used[0], *(b for a, b in pairwise(used) if a != b)]
        assert changes == [label(name) for name in ("default", "published", "default", "published")]


def test_a_hangup_while_the_model_is_loaded_ends_nothing(folder: Path) -> None:
    with live(folder, "--metrics_port", "0") as run:
        run.err.with_text("Metrics:")
        run.signal(signal.SIGHUP)
        run.give(flow_lines(0, 100))
        assert run.end() == 0
        assert check(run.rows(), 100) == [label("default")] * 3


def test_a_bad_model_leaves_the_old_one_at_work(folder: Path) -> None:
    old = label("default")
    with live(folder, "--metrics_port", "0") as run:
        assert run.out is not None
        run.give(flow_lines(0, SIZE))
        run.out.count(SIZE)
        weights = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(weights[:-100])
        run.signal(signal.SIGHUP)
        line = run.err.with_text("was not reloaded")
        assert line.startswith(
            f"Error: the model was not reloaded, {old} goes on: {folder}/model.safetensors"
        )
        assert "Traceback" not in "\n".join(run.err.all)
        assert run.samples()["morpheus_gae_reload_failures_total"] == 1
        assert run.get("/healthz")[0] == 200
        run.give(flow_lines(SIZE, 100))
        assert run.end() == 0
        assert check(run.rows(), 100) == [old] * 3


def test_a_changed_model_is_found(folder: Path) -> None:
    with live(folder, "--reload_seconds", "0.05") as run:
        assert run.out is not None
        run.give(flow_lines(0, SIZE))
        run.out.count(SIZE)
        put("published", folder)
        run.err.with_text("takes the place")
        run.give(flow_lines(SIZE, 100))
        assert run.end() == 0
        assert check(run.rows(), 100)[1:] == [label("published")] * 2
