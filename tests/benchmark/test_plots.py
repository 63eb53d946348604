"""Plots of throughput: whatever could be measured, a picture and no warning comes of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morpheus_gae.benchmark.plan import SIZES
from morpheus_gae.benchmark.status import NOT_TRIED, OK

pytest.importorskip("matplotlib")


def row(size: int, rate: float | None) -> dict[str, Any]:
    keys = ("flows_per_second", "flows_per_second_min", "flows_per_second_max")
    status = NOT_TRIED if rate is None else OK
    about = {"variant": "cpu", "regime": "client", "hosts": 50, "part_of": [SIZES]}
    return {**about, "batch_size": size, "status": status, **dict.fromkeys(keys, rate)}


@pytest.mark.parametrize("sizes", [(1000, 3000), (1000,)])
def test_one_rate_alone_is_drawn(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    from morpheus_gae.benchmark.plots import draw

    machine = {"cpu": "a processor", "cores": 2, "gpu": None}
    # which rates an automatic scale cannot take depends on their last bits
    for rate in np.random.default_rng(0).uniform(6e5, 7e5, 8).tolist():
        rows = [row(sizes[0], rate), *(row(size, None) for size in sizes[1:])]
        draw(tmp_path / "one.png", {"machine": machine, "results": rows})
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
