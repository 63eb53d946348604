"""Rows with the columns of alerts beside them tell what explain tells, row by row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae import Detector
from morpheus_gae.api.annotated import ADDED, BAD, annotated
from morpheus_gae.detect.explained import EXPLAINED, FACTS
from tests.api.flows import changed, known, make_table
from tests.fixtures.make import MODELS


@pytest.mark.parametrize("windows", [{}, {"graph_size": 170}, {"windows": "clock", "window_seconds": 2}])
def test_flagged_rows_are_explained_as_alerts_are(windows: dict[str, object]) -> None:
    detector = known(**windows)
    table = changed(make_table(900, seed=5), "IN_BYTES", lambda values: values.__setitem__(7, -1))
    found = annotated(detector, table)
    alerts = detector.explain(table)
    assert found.column_names == [*table.column_names, *ADDED]
    flagged = np.flatnonzero(found["is_anomaly"].to_numpy(zero_copy_only=False) == True)  # noqa: E712
    assert flagged.tolist() == sorted(alerts["row"].to_pylist()) != []
    rows = found.take(pa.array(alerts["row"]))
    for name in (*EXPLAINED, "why", "surprise", "surprise_graph"):
        assert rows[name].to_pylist() == alerts[name].to_pylist(), name
    assert any(rows[FACTS].to_pylist())
    others = found.filter(pa.array(~np.isin(np.arange(900), flagged)))
    for name in EXPLAINED:
        assert others[name].null_count == len(others), name
    assert found[BAD].to_pylist()[7] == "negative_counter"


def test_the_answer_of_a_flow_is_explained_as_the_flow() -> None:
    # far from what anybody sends
    one = changed(
        make_table(300, seed=6), "IN_BYTES", lambda values: values.__setitem__(slice(5), [10**9] * 5)
    )
    one = one.drop_columns(["OUT_BYTES"]).rename_columns(
        ["octets" if name == "IN_BYTES" else name for name in one.column_names if name != "OUT_BYTES"]
    )
    names = {"IPV4_SRC_ADDR": "IPV4_DST_ADDR", "L4_SRC_PORT": "L4_DST_PORT"}
    turned = {**names, **{b: a for a, b in names.items()}}
    back = one.rename_columns([turned.get(name, name) for name in one.column_names]).select(one.column_names)
    both = pa.concat_tables([one, back])
    detector = known(columns={"IN_BYTES": "octets"}, windows="clock", window_seconds=60, alert_rate=0.05)
    found = annotated(detector, both)
    assert detector.examine(both).flows < 600
    halves = [found.slice(i * 300, 300).select([*EXPLAINED, "surprise"]).to_pylist() for i in (0, 1)]
    assert halves[0] == halves[1]
    assert any(row[FACTS] for row in halves[0])


def test_a_model_without_parts_has_the_same_columns() -> None:
    detector = Detector.load(MODELS / "published", alert_rate=0.02)
    found = annotated(detector, make_table(300, seed=5))
    kinds = {name: found.schema.field(name).type for name in ADDED}
    assert kinds == ADDED
    assert found["contribution_pair"].null_count == found["surprise_activity"].null_count == 300
    assert not any(found[FACTS].to_pylist())


def test_nothing_flagged_is_nothing_explained() -> None:
    table = make_table(0)
    assert annotated(known(), table).select(EXPLAINED).num_rows == 0
    found = annotated(known(), make_table(40).slice(0, 1))
    assert {name: found.schema.field(name).type for name in ADDED} == ADDED
