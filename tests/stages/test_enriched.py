"""Enriched models on the host: their columns come through the stages, and what is missing is told once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from morpheus_gae.evaluate.data.as_is import as_is
from morpheus_gae.executors.open import open_executor
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.graph.build import build_graph
from tests.model.make import SPECS, sound
from tests.support import make_flows, with_columns

pytest.importorskip("pandas")


@pytest.mark.parametrize("columns", [True, False])
def test_scores_are_those_of_the_embedded_engine(
    host: Any, tmp_path: Path, columns: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    model = sound(tmp_path / "m", SPECS["enriched"]).path
    flows = make_flows(40)
    as_is(with_columns(flows) if columns else flows, tmp_path)
    path = str(tmp_path / "flows.parquet")
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    said: list[str] = []
    told = Settings((path,), str(one), model=str(model), graph_size=15, threshold=0.0)
    build_pipeline(USUAL, told, say=said.append).run()
    c, stages = host.config(), host.stages
    host.linear(
        c, stages.FromNetflowStage(c, [path], batch_size=7), stages.BuildGraphStage(c, 15),
        stages.InferGaeStage(c, str(model)), stages.FlagAnomaliesStage(c, threshold=0.0),
        stages.ToAlertsStage(c, str(two)),
    ).run()  # fmt: skip
    assert one.read_bytes() == two.read_bytes() != b""
    lacking = [line for line in said if "do not tell" in line]
    assert len(lacking) == (0 if columns else 1)
    assert capsys.readouterr().err.count("do not tell") == len(lacking)
    executor = open_executor(model)
    batch = next(iter(read_flows(path))).flows.slice(0, 15)
    wanted = executor.score(build_graph(batch, enriched=True)).surprise
    alerts = [json.loads(line)["surprise"] for line in one.read_text().splitlines()]
    np.testing.assert_allclose(alerts[:15], wanted, rtol=1e-6)
    assert ("TCP_FLAGS" in pq.read_schema(path).names) is columns
