"""A small workload in a folder, as the variants find it."""

from __future__ import annotations

from pathlib import Path

from morpheus_gae.benchmark.store import save
from morpheus_gae.benchmark.traffic import Workload
from morpheus_gae.model.artifact import load_artifact

MODEL = Path(__file__).resolve().parents[2] / "models" / "default"
SMALL = Workload("client", 3000, 100, seed=5)


def small(folder: Path, model: Path = MODEL, known_share: float = 0.9) -> dict[str, int]:
    """Two batches of 3,000 flows, as arrays and as Parquet."""
    load_artifact(model)
    return save(folder, SMALL, 2, str(model), known_share, parquet=True)
