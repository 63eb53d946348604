"""Energy: what the processor (RAPL) or the GPU (NVML) has used, where that can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

POWERCAP = Path("/sys/class/powercap")


class Meter(Protocol):
    """Counts joules."""

    source: str

    def start(self) -> None:
        """Begin to count."""
        ...

    def joules(self) -> float:
        """Joules since ``start``."""
        ...


class Rapl:
    """Energy of all processor packages: the whole machine's load, not one process's.

    Parameters
    ----------
    folder
        Of the kernel's powercap zones.

    Raises
    ------
    OSError
        If there is no zone that may be read.
    """

    source = "rapl"

    def __init__(self, folder: Path = POWERCAP) -> None:
        # packages only: intel-rapl:0; their parts are intel-rapl:0:0
        zones = sorted(path.parent for path in folder.glob("intel-rapl:*/energy_uj"))
        self.zones = [zone for zone in zones if zone.name.count(":") == 1]
        if not self.zones:
            raise FileNotFoundError(f"no RAPL zone in {folder}")
        self.range = [int((zone / "max_energy_range_uj").read_text()) for zone in self.zones]
        self.start()

    def _read(self) -> list[int]:
        return [int((zone / "energy_uj").read_text()) for zone in self.zones]

    def start(self) -> None:
        """Begin to count."""
        self.begun = self._read()

    def joules(self) -> float:
        """Joules since ``start``; the counter may have started over once."""
        used = (
            (now - then) % (most + 1)
            for now, then, most in zip(self._read(), self.begun, self.range, strict=True)
        )
        return sum(used) / 1e6


class Nvml:
    """Energy of the first GPU.

    Raises
    ------
    Exception
        If pynvml is not installed, or there is no GPU that counts.
    """

    source = "nvml"

    def __init__(self) -> None:
        import pynvml

        self.nvml: Any = pynvml
        pynvml.nvmlInit()
        self.gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
        self.start()

    def start(self) -> None:
        """Begin to count."""
        self.begun = self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.gpu)

    def joules(self) -> float:
        """Joules since ``start``."""
        return float(self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.gpu) - self.begun) / 1e3


def choose_meter(gpu: bool) -> Meter | None:
    """A meter for the GPU or for the processor; None where there is none."""
    try:
        return Nvml() if gpu else Rapl()
    except Exception:
        # whatever keeps a meter from working, the benchmark goes on without it
        return None
