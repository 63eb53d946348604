"""A short run of the kills: ``python -m tests.kafka.kills`` is the long one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from tests.kafka.kills import compared

if TYPE_CHECKING:
    from tests.kafka.broker import Broker


@pytest.mark.timeout(400)
def test_incidents_are_as_if_nothing_had_been_killed(broker: Broker, name: str, tmp_path: Path) -> None:
    rng = random.Random(int(name[1:]))
    # in the middle of windows that add to incidents that were kept, and wherever else
    kill_at = ["commit:4", str(rng.randint(1, 900)), "commit:2", str(rng.randint(1, 900))]
    assert f"{len(kill_at)} kills" in compared(broker, name, tmp_path, 150, kill_at)
