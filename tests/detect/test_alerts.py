from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.detect.alerts import (
    ACTIVITY,
    ALERT_COLUMNS,
    COUNTS,
    GRAPH,
    OTHERS,
    REASONS,
    alert_table,
    why,
)
from morpheus_gae.executors.base import Scores
from tests.detect.make import flows_of, scores_of


def test_rows_keep_their_columns_and_order() -> None:
    flows = flows_of(5)
    scores = scores_of([5.0, 0.1, 4.0, 0.2, 3.0])
    keep = scores.surprise >= np.float32(3.0)
    table = alert_table(flows, scores, keep, np.float32(3.0), "toy@abc")
    assert table.column_names == [*flows.table.column_names, *ALERT_COLUMNS]
    assert table["note"].to_pylist() == ["row 0", "row 2", "row 4"]
    assert table["anomaly_score"].type == table["threshold"].type == pa.float64()
    assert table["is_anomaly"].to_pylist() == [True] * 3
    assert table["model"].to_pylist() == ["toy@abc"] * 3
    assert table["threshold"][0].as_py() == pytest.approx(1 - np.exp(-3.0))
    json.dumps(table.to_pylist())


def test_earlier_scores_in_the_input_are_replaced() -> None:
    flows, scores = flows_of(2), scores_of([1.0, 2.0])
    once = alert_table(flows, scores, np.ones(2, bool), np.float32(0), "one@1")
    again = alert_table(flows_of(2, once), scores, np.ones(2, bool), np.float32(0), "two@2")
    assert again.column_names == once.column_names
    assert again["model"].to_pylist() == ["two@2"] * 2


def test_no_alert_is_an_empty_table_of_the_same_schema() -> None:
    flows, scores = flows_of(3), scores_of([1.0, 2.0, 3.0])
    some = alert_table(flows, scores, np.ones(3, bool), np.float32(0), "m")
    none = alert_table(flows, scores, np.zeros(3, bool), np.float32(0), "m")
    assert none.num_rows == 0
    assert none.schema == some.schema


def test_why_names_the_part_that_dominates() -> None:
    pair = np.array([0, 5, 0.1, 4, 5], np.float32)
    flow = np.array([0, 0.1, 5, 3, 2.4], np.float32)
    assert [REASONS[i] for i in why(pair, flow)] == [
        REASONS[0],
        REASONS[1],
        REASONS[2],
        REASONS[3],
        REASONS[1],
    ]


def test_why_names_the_others_where_they_add_to_it() -> None:
    pair, flow = np.array([5, 5, 0], np.float32), np.array([0, 0, 5], np.float32)
    scores = replace(scores_of([5.0, 4.0, 3.0]), pair_part=pair, flow_part=flow)
    scores = replace(scores, graph_part=np.array([0.5, 1.0, 3.0], np.float32))
    table = alert_table(flows_of(3), scores, np.array([True, False, True]), np.float32(0), "m")
    assert table[GRAPH].to_pylist() == [0.5, 3.0]
    assert table["why"].to_pylist() == [REASONS[1], REASONS[2] + OTHERS]
    assert why(pair, flow, scores.graph_part).tolist() == [1, 5, 6]
    # an earlier model's is not this one's
    again = alert_table(flows_of(2, table), scores_of([1.0, 2.0]), np.ones(2, bool), np.float32(0), "m")
    assert GRAPH not in again.column_names


def test_why_names_counts_apart_from_the_other_flows() -> None:
    graph, counts = np.array([0.5, 2.0, 1.5, 5.0], np.float32), np.array([0.5, 1.9, 0.1, 2.5], np.float32)
    scores = replace(
        scores_of([5.0, 4.0, 3.0, 2.0]),
        pair_part=np.ones(4, np.float32),
        graph_part=graph,
        activity_part=counts,
    )
    table = alert_table(flows_of(4), scores, np.ones(4, bool), np.float32(0), "m")
    assert table[ACTIVITY].to_pylist() == counts.tolist()
    reason = table["why"].to_pylist()[0]
    assert table["why"].to_pylist()[1:] == [reason + COUNTS, reason + OTHERS, reason + OTHERS + COUNTS]
    again = alert_table(flows_of(4, table), scores_of([1.0] * 4), np.ones(4, bool), np.float32(0), "m")
    assert ACTIVITY not in again.column_names


def test_permuting_flows_permutes_rows() -> None:
    scores = scores_of([5.0, 0.1, 4.0, 0.2])
    order = np.array([2, 0, 3, 1])
    moved = Scores(
        scores.score[order], scores.surprise[order], scores.pair_part[order], scores.flow_part[order]
    )
    keep = scores.surprise >= 1
    rows = alert_table(flows_of(4), scores, keep, np.float32(1), "m").to_pylist()
    again = alert_table(flows_of(4).take(order), moved, keep[order], np.float32(1), "m").to_pylist()
    assert again == [rows[1], rows[0]]
