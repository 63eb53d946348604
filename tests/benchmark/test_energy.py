"""Meters read the counters; without any the benchmark does without."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from morpheus_gae.benchmark import energy
from morpheus_gae.benchmark.energy import Nvml, Rapl, choose_meter


def zone(folder: Path, name: str, used: int, most: int = 1_000_000) -> Path:
    path = folder / name
    path.mkdir(exist_ok=True)
    (path / "energy_uj").write_text(f"{used}\n")
    (path / "max_energy_range_uj").write_text(f"{most}\n")
    return path


def test_rapl_counts_packages_and_survives_an_overflow(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 900_000)
    zone(tmp_path, "intel-rapl:1", 100)
    # a part of package 0, which is counted there already
    zone(tmp_path, "intel-rapl:0:0", 5)
    meter = Rapl(tmp_path)
    zone(tmp_path, "intel-rapl:0", 100_000)
    zone(tmp_path, "intel-rapl:1", 300_100)
    zone(tmp_path, "intel-rapl:0:0", 400_000)
    assert meter.joules() == pytest.approx((200_001 + 300_000) / 1e6)
    meter.start()
    assert meter.joules() == 0


def test_no_rapl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="no RAPL zone"):
        Rapl(tmp_path)
    monkeypatch.setattr(energy, "Rapl", lambda: Rapl(tmp_path))
    assert choose_meter(gpu=False) is None


def test_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([5000, 5000, 7500])
    fake = types.ModuleType("pynvml")
    fake.nvmlInit = lambda: None
    fake.nvmlDeviceGetHandleByIndex = lambda i: f"gpu {i}"
    fake.nvmlDeviceGetTotalEnergyConsumption = lambda handle: next(used)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    meter = Nvml()
    meter.start()
    assert meter.joules() == 2.5


def test_no_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert choose_meter(gpu=True) is None
