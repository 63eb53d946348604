"""Scores on their way to the host, and what an executor's streams hold to; on a GPU, for whoever has one."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from morpheus_gae.errors import GaeError
from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.open import open_executor
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.spec import PRESETS
from tests.support import make_flows, with_columns

torch = pytest.importorskip("torch")
gpu = pytest.mark.gpu
MODELS = (*PRESETS, "enriched")


def close(a: Scores, b: Scores) -> None:
    # sums by atomics: not the same bits twice
    for name in ("score", "surprise", "pair_part", "flow_part", "graph_part", "activity_part"):
        got, want = getattr(a, name), getattr(b, name)
        assert (got is None) == (want is None), name
        if want is None:
            continue
        np.testing.assert_allclose(got, want, rtol=5e-3, atol=5e-3, err_msg=name)
    assert a.unseen_hosts == b.unseen_hosts


@pytest.mark.parametrize("flows", [0, 1, 5])
def test_a_part_that_there_is_not_comes_as_zeros_of_its_own(flows: int) -> None:
    from morpheus_gae.executors.cuda.device import DeviceScores
    from morpheus_gae.executors.cuda.lanes import Coming

    none = torch.zeros(()).expand(flows)
    surprise = torch.rand(flows, dtype=torch.float64)
    scores = Coming(DeviceScores(torch.rand(flows), surprise, none, none, torch.tensor(3))).arrived()
    assert scores.surprise.tolist() == surprise.tolist()
    assert scores.unseen_hosts == 3
    for part in (scores.pair_part, scores.flow_part):
        assert part.dtype == np.float32
        assert part.tolist() == [0] * flows
        part[...] = 1
    if flows > 1:
        assert not np.shares_memory(scores.pair_part, scores.flow_part)
        assert not none.any()


def test_after_an_error_a_stream_is_idle_before_memory_is_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    from morpheus_gae.executors.cuda.lanes import on

    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    waited: list[bool] = []
    lane = SimpleNamespace(synchronize=lambda: waited.append(True))
    with on(lane):
        pass
    assert not waited
    with pytest.raises(KeyError), on(lane):
        raise KeyError
    assert waited == [True]


@gpu
@pytest.mark.parametrize("preset", MODELS)
def test_graphs_are_made_while_others_are_scored(every_model: dict[str, Artifact], preset: str) -> None:
    executor = open_executor(every_model[preset].path, "cuda")
    sizes = (60_000, 3, 90_000, 1, 30_000, 120_000) * 4
    windows = [with_columns(make_flows(n, hosts=2_000, pairs=20_000, seed=i)) for i, n in enumerate(sizes)]
    want = [executor.score_flows(window) for window in windows]
    built: queue.Queue[object] = queue.Queue(2)

    def build() -> None:
        try:
            for window in windows:
                built.put(executor.build(window))
        except BaseException as error:
            built.put(error)
            raise

    thread = threading.Thread(target=build, daemon=True)
    thread.start()
    for expected in want:
        graph = built.get(timeout=60)
        assert not isinstance(graph, BaseException)
        close(executor.score(graph), expected)
    thread.join()


@gpu
def test_scores_arrive_in_page_locked_memory(tiny_models: dict[str, Artifact]) -> None:
    executor = open_executor(tiny_models["default"].path, "cuda")
    scores = executor.score(executor.build(make_flows(1_000)))
    assert torch.from_numpy(scores.surprise).is_pinned()


@gpu
def test_whoever_reads_no_further_leaves_nothing_behind(tiny_models: dict[str, Artifact]) -> None:
    executor = open_executor(tiny_models["default"].path, "cuda")
    windows = [make_flows(50_000, hosts=500, pairs=3_000, seed=i) for i in range(6)]
    want = [executor.score_flows(window) for window in windows]
    for _ in range(3):
        some = executor.score_many(windows)
        close(next(some), want[0])
        some.close()
    for scores, expected in zip(executor.score_many(windows), want, strict=True):
        close(scores, expected)


@gpu
@pytest.mark.parametrize("preset", MODELS)
def test_nothing_waits_but_for_how_many_there_are(every_model: dict[str, Artifact], preset: str) -> None:
    from morpheus_gae.executors.cuda.device import upload
    from morpheus_gae.executors.cuda.dispatch import obstacle
    from morpheus_gae.executors.cuda.octets import SWEEPS_AT_ONCE

    if obstacle() is not None:
        pytest.skip("sorting waits more often")
    executor = open_executor(every_model[preset].path, "cuda")
    window = with_columns(make_flows(50_000, hosts=2_000, pairs=20_000))
    flows = upload(window, "cuda", executor.artifact.spec.enriched)
    executor.score_device(flows)
    torch.cuda.synchronize()
    looks = executor.build(window).sweeps // SWEEPS_AT_ONCE
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            executor.score_device(flows)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [f"{w.filename}:{w.lineno}: {w.message}" for w in found if "synchroniz" in str(w.message)]
    assert len(waits) <= 1 + looks, "\n".join(waits)


def compiled() -> dict[str, int]:
    """Kernels at hand by name, with how many times each was compiled or read from the cache."""
    from triton.runtime.jit import JITFunction

    modules = [m for name, m in sys.modules.items() if name.startswith("morpheus_gae.executors.cuda.triton.")]
    found = {
        f"{m.__name__}.{n}": v for m in modules for n, v in vars(m).items() if isinstance(v, JITFunction)
    }
    if not all(hasattr(kernel, "device_caches") for kernel in found.values()):
        pytest.skip("this Triton keeps its kernels elsewhere")
    return {n: sum(len(cache[0]) for cache in v.device_caches.values()) for n, v in found.items()}


@gpu
@pytest.mark.parametrize("preset", MODELS)
def test_nothing_is_left_to_compile_after_warming_up(every_model: dict[str, Artifact], preset: str) -> None:
    from morpheus_gae.engine.run.warm_up import warm_up
    from morpheus_gae.executors.cuda.device import DeviceFlows, upload

    pytest.importorskip("triton")
    executor = open_executor(every_model[preset].path, "cuda")
    warm_up(executor)
    before = compiled()
    assert sum(before.values()) > 0
    for n in (1, 3, 17, 1_000, 4_099, 100_000):
        window = with_columns(make_flows(n, hosts=500, pairs=3_000, seed=n))
        executor.score(executor.build(window))
        executor.score_flows(window)
        # slices begin anywhere
        columns = vars(upload(window, "cuda", executor.artifact.spec.enriched)).values()
        for start in range(min(n, 6)):
            executor.score_device(DeviceFlows(*(c if c is None else c[start:] for c in columns)))
    torch.cuda.synchronize()
    assert compiled() == before


@gpu
def test_a_window_too_large_is_one_line_and_the_next_one_is_scored(tiny_models: dict[str, Artifact]) -> None:
    executor = open_executor(tiny_models["default"].path, "cuda")
    small, large = make_flows(2_000), make_flows(2_000_000, hosts=5_000, pairs=50_000)
    want = executor.score_flows(small)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    whole = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (16 << 20)) / whole)
    try:
        for score in (executor.score_flows, executor.build, lambda flows: list(executor.score_many([flows]))):
            with pytest.raises(GaeError, match="--graph_size"):
                score(large)
        close(executor.score_flows(small), want)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    close(next(executor.score_many([small])), want)
