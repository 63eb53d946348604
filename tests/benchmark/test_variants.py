"""The variants score, and score the same; run in this process."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from morpheus_gae.benchmark import alert_time
from morpheus_gae.benchmark.alert_time import AlertTime, Paced
from morpheus_gae.benchmark.cpu import Cpu
from morpheus_gae.benchmark.pipeline import Pipelined, Sequential
from morpheus_gae.benchmark.store import load_flows
from morpheus_gae.benchmark.variants import ALERT_TIME, RATIOS, VARIANTS, Job, choose_variants
from morpheus_gae.errors import UsageError
from tests.benchmark.make import SMALL, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("variants")
    small(path)
    return path


def test_cpu(folder: Path) -> None:
    runner = Cpu(Job("cpu", str(folder)))
    timing = runner.run(3, 1)
    assert (timing.flows, len(timing.latencies), timing.non_finite) == (9000, 3, 0)
    assert timing.seconds == pytest.approx(sum(timing.latencies))
    assert runner.facts()["model"] == "default-benchmark"


def test_windows_of_a_batch(folder: Path) -> None:
    timing = Cpu(Job("cpu", str(folder), graph_size=1250)).run(2, 0)
    # 1250, 1250 and 500
    assert (timing.flows, len(timing.latencies)) == (6000, 6)


@pytest.mark.parametrize("kind", [Sequential, Pipelined])
def test_pipeline(folder: Path, kind: type[Sequential]) -> None:
    runner = kind(Job("cpu-pipelined", str(folder)))
    timing = runner.run(5, 1)
    assert (timing.flows, len(timing.latencies), timing.non_finite) == (15_000, 5, 0)
    assert 0 < min(timing.latencies) <= max(timing.latencies) <= timing.seconds
    facts = runner.facts()
    assert facts["model"] == "default-benchmark"
    # what was scored last is left nowhere
    assert not list(folder.glob("**/alerts.jsonl"))


def test_both_pipelines_write_the_same_alerts(folder: Path) -> None:
    alerts = []
    for kind in (Sequential, Pipelined):
        runner = kind(Job("cpu-pipelined", str(folder)))
        runner.run(2, 0)
        alerts.append(runner.facts()["alerts"])
    assert alerts[0] == alerts[1] > 0


def test_time_to_alert(folder: Path) -> None:
    options = {"rate": 6000.0, "seconds": 0.5, "window_seconds": 0.2, "alert_rate": 0.01}
    timing = AlertTime(Job(ALERT_TIME.name, str(folder), options=options)).run(1, 0)
    assert timing.flows == 3000
    assert 0 < len(timing.latencies) < 300
    # an alert waits for the end of its window at most, and for the work on it
    assert min(timing.latencies) > 0
    # the last flow arrives half a second after the first
    assert timing.seconds >= 0.5


def test_flows_arrive_by_the_timetable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = load_flows(folder)[0]
    source, now = Paced(flows, rate=2_000.0), [100.0]
    monkeypatch.setattr(alert_time, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(source._stopping, "wait", lambda seconds: now.__setitem__(0, now[0] + seconds))
    parts = []
    for part in source:
        parts.append(part)
        # none before its time, all that were due
        assert source.due[part.rows[-1]] <= now[0]
        assert part.rows[-1] == len(flows) - 1 or source.due[part.rows[-1] + 1] > now[0]
    assert sum(len(part) for part in parts) == len(flows)
    assert len(parts) > 100
    np.testing.assert_allclose(np.diff(source.due), 1 / 2_000, rtol=1e-3)


def test_a_stopped_source_ends(folder: Path) -> None:
    source = Paced(load_flows(folder)[0], rate=10.0)
    source.stop()
    assert list(source) == []


def test_published() -> None:
    pytest.importorskip("torch")
    published = _published()
    net = published.Published()
    # GATv2 32 -> 4 x 256 with edges of 3, Graph U-Net (1024, 256, 256, 3), decoder of 768
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    assert shapes["attention.lin_l.weight"] == (1024, 32)
    assert shapes["attention.att"] == (1, 4, 256)
    assert shapes["attention.lin_edge.weight"] == (1024, 3)
    assert shapes["unet.down_convs.0.lin.weight"] == (256, 1024)
    assert sum(name.startswith("unet.pools") for name in shapes) == 3
    assert shapes["mixed.weight"] == (768, 768)
    run = published.PublishedRun("cpu")
    drawn = SMALL.draw(0)
    score = run.score(drawn.src, drawn.dst, drawn.attributes)
    assert (score.shape, score.dtype) == ((3000,), np.float32)
    assert ((score >= 0) & (score <= 1)).all()
    assert score.std() > 0
    np.testing.assert_array_equal(score, run.score(drawn.src, drawn.dst, drawn.attributes))


def test_published_host_features_against_matrix_powers() -> None:
    torch = pytest.importorskip("torch")
    net = _published().Published()
    rng = np.random.default_rng(0)
    n, index = 9, rng.integers(0, 9, (2, 40))
    octets = rng.random((n, 4)).astype(np.float32)
    a = np.zeros((n, n))
    np.add.at(a, (index[0], index[1]), 1)
    degree = a.sum(1)
    p = np.divide(a, degree[:, None], out=np.zeros_like(a), where=degree[:, None] > 0)

    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    start = unit(octets @ net.projection.numpy())
    parts = [start]
    for d in range(1, 4):
        e = np.linalg.matrix_power(p, d) @ start
        for i in range(1, d):
            e = e - np.linalg.matrix_power(p, d - i) @ parts[i]
        parts.append(unit(e) / (d + 1))
    found = net.hosts(torch.from_numpy(octets), torch.from_numpy(index)).numpy()
    np.testing.assert_allclose(found, sum(parts), atol=1e-4)


def test_baseline(folder: Path) -> None:
    pytest.importorskip("torch")
    _published()
    from morpheus_gae.benchmark.baseline import Published

    runner = Published(Job("cpu-published", str(folder), graph_size=2000))
    timing = runner.run(1, 0)
    assert (timing.flows, len(timing.latencies), timing.non_finite) == (3000, 2, 0)


@pytest.mark.parametrize("kind", ["Sequential", "Pipelined", "Resident"])
def test_gpu_variants_on_the_cpu(folder: Path, kind: str) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.benchmark import gpu

    runner = getattr(gpu, kind)(Job("gpu-sequential", str(folder), graph_size=2000), device="cpu")
    timing = runner.run(2, 0)
    assert (timing.flows, len(timing.latencies), timing.non_finite) == (6000, 4, 0)
    assert 0 < max(timing.latencies) <= timing.seconds + 1e-9


def test_columns_on_the_device_are_all_that_the_model_reads(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.benchmark import gpu
    from tests.executors.whole_models import whole_models

    small(tmp_path, whole_models(tmp_path / "models")["enriched"].path)
    runner = gpu.Resident(Job("gpu-resident", str(tmp_path)), device="cpu")
    (window,) = runner.batches[0]
    assert window.extra is not None
    want = runner.executor.score_flows(load_flows(tmp_path)[0]).score
    np.testing.assert_array_equal(runner.executor.score_device(window).score.numpy(), want)


def test_choice() -> None:
    assert [v.name for v in choose_variants(["cpu-pipelined", "cpu"])] == ["cpu", "cpu-pipelined"]
    with pytest.raises(UsageError, match="unknown variant 'tpu': choose of cpu, "):
        choose_variants(["cpu", "tpu"])
    with pytest.raises(UsageError, match="no variant given"):
        choose_variants([])
    assert {name for pair in RATIOS for name in pair} <= VARIANTS.keys()


def _published():  # type: ignore[no-untyped-def]
    """The module, where PyTorch Geometric is installed."""
    from morpheus_gae.errors import MissingExtraError

    try:
        import morpheus_gae.benchmark.published as module
    except MissingExtraError as error:
        pytest.skip(str(error))
    return module
