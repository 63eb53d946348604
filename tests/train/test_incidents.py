"""Incidents: who, with whom, when, how many, how strange."""

from __future__ import annotations

import dataclasses

import numpy as np

from morpheus_gae.graph.build import build_graph
from morpheus_gae.train.incidents import incidents, table_text
from tests.support import make_flows
from tests.train.test_recurrence import scan, sorted_by_time


def told(flows, of, surprise=None, learnt=None):
    surprise = np.ones(len(flows), np.float32) if surprise is None else surprise
    learnt = np.zeros(len(flows), np.bool_) if learnt is None else learnt
    return incidents(flows, build_graph(flows), of, surprise, learnt)


def test_a_scan_is_told():
    flows = sorted_by_time(make_flows(500), scan(40, 1000))
    of = np.where(flows.src_hi + flows.src_lo == np.uint64((203 << 24) + 0xFFFF_0000_0000), 0, -1)
    surprise = np.where(of == 0, 7, 1).astype(np.float32)
    (row,) = told(flows, of, surprise).to_pylist()
    assert row["kind"] == "one source, many destinations"
    assert (row["source"], row["sources"]) == ("203.0.0.0", 1)
    assert (row["destinations"], row["flows"]) == (40, 40)
    assert (row["first"], row["last"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:00:01.390Z")
    assert (row["surprise"], row["total"]) == (7.0, 280.0)
    assert row["strange"] == "burst of hosts that do not meet again"


def test_the_most_surprise_comes_first_and_the_busiest_host_stands_for_all():
    flows = scan(6, 0)
    flows.dst_lo[3:] = flows.dst_lo[3]
    of = np.array([0, 0, -1, 1, 1, 1])
    first, second = told(flows, of, np.array([1, 1, 9, 1, 1, 1], np.float32), of == 0).to_pylist()
    assert (first["kind"], second["kind"]) == ("one pair", "one source, many destinations")
    assert (first["first_row"], first["last_row"]) == (flows.rows[3], flows.rows[5])
    assert second["strange"] == "strange flows"


def test_nothing_found_is_a_table_without_rows_of_the_same_columns():
    flows = make_flows(20)
    none = told(flows, np.full(20, -1))
    some = told(flows, np.zeros(20, np.int64))
    assert none.num_rows == 0
    assert none.schema == some.schema
    assert table_text(none, 5).count("\n") == 0


def test_flows_without_times_are_told_by_row():
    flows = dataclasses.replace(make_flows(20), time_ms=None)
    found = told(flows, np.zeros(20, np.int64))
    assert found["first"].to_pylist() == [None]
    assert "row 0 " in table_text(found, 5)
    assert "row 19" in table_text(found, 5)
