"""Our stages between the host's own Kafka stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("confluent_kafka")

from morpheus_gae.engine.run.defaults import morpheus_installed
from tests.kafka.conftest import broker, name
from tests.kafka.run import lines
from tests.stages.test_host_cli import STAGES, morpheus

if TYPE_CHECKING:
    from tests.kafka.broker import Broker

__all__ = ["broker", "name"]

pytestmark = [
    pytest.mark.morpheus,
    pytest.mark.skipif(not morpheus_installed(), reason="NVIDIA Morpheus cannot be imported"),
]


@pytest.mark.parametrize("pipeline", [["pipeline-gae"], ["pipeline-other", "--label", "anomaly"]])
def test_from_topic_to_topic(tmp_path: Path, broker: Broker, name: str, pipeline: list[str]) -> None:
    broker.topic(f"{name}.in")
    broker.topic(f"{name}.out")
    broker.produce(f"{name}.in", lines(0, 60).splitlines())
    at = f"--bootstrap_servers {broker.servers}"
    told = f"from-kafka {at} --input_topic {name}.in --group_id {name} --auto_offset_reset earliest"
    told += f" --stop_after 60 deserialize {' '.join(STAGES)} add-scores serialize"
    told += f" to-kafka {at} --output_topic {name}.out"
    done = morpheus("run", "--use_cpu_only", *pipeline, *told.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(m.value()) for m in broker.read(f"{name}.out", 60)]
    assert [row["IN_BYTES"] for row in found] == list(range(60))
    assert all(row["anomaly"] == row["anomaly_score"] > 0 for row in found[1:])
