"""A short run of the chaos: ``make chaos`` is the long one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from tests.kafka.chaos import run

if TYPE_CHECKING:
    from tests.kafka.broker import Broker


@pytest.mark.timeout(400)
def test_nothing_is_lost_when_scorers_are_killed(broker: Broker, name: str, tmp_path: Path) -> None:
    result = run(
        broker,
        name,
        tmp_path,
        flows=24_000,
        kills=2,
        replicas=2,
        longest=5.0,
        window_seconds="1",
        garbage=0.05,
    )
    assert result.flows > 20_000
    assert (result.lost, result.letters_lost, result.other_scores) == (0, 0, 0)
