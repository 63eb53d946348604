"""Detectors: the scores of the pipeline, bad rows, exporters' columns, windows, folders."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from morpheus_gae import BadRowsWarning, Detector, GaeError, InputError
from morpheus_gae.cli.morpheus import main as morpheus
from tests.api.flows import changed, known, make_table
from tests.test_pipeline import invoke


@pytest.mark.parametrize("size", [400, 200_000])
def test_scores_are_those_of_the_pipeline(tmp_path: Path, size: int) -> None:
    table = make_table(1000, seed=3)
    table = changed(table, "IN_BYTES", lambda values: values.__setitem__(5, -1))
    pq.write_table(table, tmp_path / "flows.parquet")
    known().save(tmp_path / "model")
    invoke(
        morpheus, "run", "pipeline-gae", "--model", tmp_path / "model", "--input", tmp_path / "flows.parquet",
        "--output", tmp_path / "alerts.parquet", "--graph_size", size, "--threshold", 0,
    )  # fmt: skip
    expected = pq.read_table(tmp_path / "alerts.parquet")
    detector = known(graph_size=size)
    with pytest.warns(BadRowsWarning, match=r"1 bad records have no score \(negative_counter 1\)"):
        found = -detector.score_samples(table)
    assert np.flatnonzero(np.isnan(found)).tolist() == [5]
    assert np.array_equal(np.delete(found, 5), expected["surprise"].to_numpy())
    told = detector.explain(table, flagged=False)
    assert told["row"].to_pylist() == np.delete(np.arange(1000), 5).tolist()
    same = [name for name in expected.column_names if name not in ("is_anomaly", "threshold")]
    assert told.select(same).to_pydict() == expected.select(same).to_pydict()


START = ["FLOW_START_MILLISECONDS"]


def test_flagged_are_those_that_the_pipeline_alerts_on(tmp_path: Path) -> None:
    table = make_table(1000, seed=4)
    pq.write_table(table, tmp_path / "flows.parquet")
    detector = known()
    detector.save(tmp_path / "model")
    invoke(
        morpheus, "run", "pipeline-gae", "--model", tmp_path / "model", "--input", tmp_path / "flows.parquet",
        "--output", tmp_path / "alerts.parquet", "--alert_rate", 0.02,
    )  # fmt: skip
    expected = pq.read_table(tmp_path / "alerts.parquet")
    assert 0 < expected.num_rows < 1000
    assert detector.explain(table).drop_columns(["row"]).to_pydict() == expected.to_pydict()
    assert (detector.predict(table) == -1).sum() == expected.num_rows


def test_a_flow_at_the_threshold_is_flagged() -> None:
    detector = known()
    # the pipeline flags from its threshold on
    assert np.nextafter(detector.threshold_, np.inf) == np.float32(detector.artifact_.thresholds["0.02"])


def test_the_rate_may_be_changed_after_training() -> None:
    detector, table = known(), make_table(2500)
    few, many = ((detector.set_params(alert_rate=rate).predict(table) < 0).sum() for rate in (0.02, 0.2))
    assert few < many


def test_bad_rows_are_told_with_their_reasons() -> None:
    table = make_table(100).to_pandas().astype({"IN_BYTES": object})
    table.loc[3, "IN_BYTES"] = "many"
    table.loc[7, "IPV4_DST_ADDR"] = "10.0.0.256"
    examined = known().examine(table)
    assert [(b.row, b.reason.value) for b in examined.bad] == [(3, "not_a_number"), (7, "unparsable_address")]
    assert "many" in examined.bad[0].detail
    assert examined.bad_counts == {"not_a_number": 1, "unparsable_address": 1}
    assert np.flatnonzero(np.isnan(examined.surprise)).tolist() == [3, 7]
    assert examined.flows == 98


def test_no_rows() -> None:
    table = make_table(10).slice(0, 0)
    assert known().predict(table).shape == (0,)
    assert known().explain(table).num_rows == 0


def test_incidents_hold_all_flagged_flows_and_the_most_severe_come_first() -> None:
    table = make_table(1000, seed=4)
    flagged = known().explain(table)
    found = known().incidents(table).to_pylist()
    assert sum(row["flows"] for row in found) == flagged.num_rows > 0
    pooled = [row["surprise_pooled"] for row in found]
    assert pooled == sorted(pooled, reverse=True)
    assert max(row["surprise"] for row in found) == pytest.approx(
        max(flagged["surprise"].to_pylist()), abs=1e-3
    )
    # windows of the same flows: none is lost between them
    cut = known(graph_size=300)
    assert sum(cut.incidents(table)["flows"].to_pylist()) == cut.explain(table).num_rows
    assert known().incidents(table.drop_columns(START)).num_rows > 0
    assert known().incidents(table.slice(0, 0)).num_rows == 0


def test_parts_add_up_to_what_the_executor_tells() -> None:
    examined = known().examine(make_table(200))
    assert examined.graph_part is not None
    for part in (examined.pair_part, examined.flow_part, examined.graph_part):
        assert part.shape == (200,)
        assert (part >= 0).all()


def test_exporters_columns_are_recognised() -> None:
    table = make_table(200)
    zeek = pa.table(
        {
            "ts": np.asarray(table["FLOW_START_MILLISECONDS"]) / 1000,
            "uid": [f"C{i}" for i in range(200)],
            "id.orig_h": table["IPV4_SRC_ADDR"],
            "id.orig_p": table["L4_SRC_PORT"],
            "id.resp_h": table["IPV4_DST_ADDR"],
            "id.resp_p": table["L4_DST_PORT"],
            "proto": ["tcp"] * 200,
            "duration": pc.divide(table["FLOW_DURATION_MILLISECONDS"], 1000.0),
            "orig_bytes": table["IN_BYTES"],
            "resp_bytes": table["OUT_BYTES"],
        }
    )
    found = known().examine(zeek)
    assert found.flows == 200
    # seconds do not give milliseconds to the bit
    assert np.allclose(found.surprise, known().examine(table).surprise, atol=0.05)


def test_columns_may_be_told() -> None:
    table = make_table(100)
    renamed = table.rename_columns(
        [{"IN_BYTES": "up", "OUT_BYTES": "down"}.get(n, n) for n in table.column_names]
    )
    detector = known(columns={"IN_BYTES": "up", "OUT_BYTES": "down"})
    assert np.array_equal(detector.score_samples(renamed), known().score_samples(table))
    with pytest.raises(InputError, match="IN_BYTES"):
        known().score_samples(renamed)


def test_one_way_records_of_one_flow_have_its_score() -> None:
    flow = make_table(300)
    there = flow.drop_columns(["OUT_BYTES"])
    names = {
        "IPV4_SRC_ADDR": "IPV4_DST_ADDR", "IPV4_DST_ADDR": "IPV4_SRC_ADDR",
        "L4_SRC_PORT": "L4_DST_PORT", "L4_DST_PORT": "L4_SRC_PORT",
    }  # fmt: skip
    back = there.rename_columns([names.get(n, n) for n in there.column_names]).select(there.column_names)
    back = back.set_column(back.schema.get_field_index("IN_BYTES"), "IN_BYTES", flow["OUT_BYTES"])
    halves = pa.concat_tables([there, back]).rename_columns(
        [{"IN_BYTES": "octets"}.get(n, n) for n in there.column_names]
    )
    detector = known(columns={"IN_BYTES": "octets"}, windows="clock", window_seconds=60)
    found = detector.examine(halves)
    answered = np.asarray(flow["OUT_BYTES"]) > 0
    assert found.flows < 600
    assert np.array_equal(found.surprise[:300][answered], found.surprise[300:][answered])
    assert not np.isnan(found.surprise).any()


def test_clock_windows_do_not_depend_on_the_order_of_rows() -> None:
    table = make_table(900)
    detector = known(windows="clock", window_seconds=2)
    scores = detector.score_samples(table)
    order = np.random.default_rng(1).permutation(900)
    assert np.array_equal(detector.score_samples(table.take(order)), scores[order])
    # nor on where the data begin: each window alone has the same scores
    window = np.asarray(table["FLOW_START_MILLISECONDS"]) // 2000
    assert detector.examine(table).windows == len(np.unique(window)) > 1
    for number in np.unique(window):
        part = np.flatnonzero(window == number)
        assert np.array_equal(detector.score_samples(table.take(part)), scores[part])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"windows": "clock"}, "window_seconds"),
        ({"windows": "hourly"}, "stream or clock"),
        ({"graph_size": 0}, "graph_size"),
        ({"window_seconds": float("nan")}, "window_seconds"),
        ({"pair_seconds": -1.0}, "seconds"),
        ({"columns": "no such exporter"}, "unknown preset"),
        ({"columns": {"BYTES": "up"}}, "none of our columns"),
        ({"executor": "abacus"}, "unknown executor"),
        ({"alert_rate": 1.5}, "alert rate"),
    ],
)
def test_parameters_that_make_no_sense_are_told_when_they_are_used(params: dict, words: str) -> None:
    detector = known(**params)
    with pytest.raises(GaeError, match=words):
        detector.predict(make_table(10))


def test_flows_that_start_together_have_an_order_too() -> None:
    table = make_table(600)
    coarse = changed(table, "FLOW_START_MILLISECONDS", lambda v: v.__setitem__(slice(None), [0] * 600))
    detector = known(windows="clock", window_seconds=1)
    order = np.random.default_rng(2).permutation(600)
    assert np.array_equal(detector.score_samples(coarse.take(order)), detector.score_samples(coarse)[order])


def test_flows_without_a_start_have_windows_of_their_own() -> None:
    table, detector = make_table(100), known(windows="clock", window_seconds=0.5)
    some = changed(table, "FLOW_START_MILLISECONDS", lambda v: v.__setitem__(slice(10, 30), [None] * 20))
    scores = detector.score_samples(some)
    assert np.array_equal(scores[10:30], detector.score_samples(table.slice(10, 20).drop_columns(START)))
    assert np.array_equal(scores[50:], detector.score_samples(table.slice(50)))
    assert detector.examine(table.drop_columns(START)).windows == 1


def test_save_and_load(tmp_path: Path) -> None:
    known().save(tmp_path / "model")
    loaded = Detector.load(tmp_path / "model")
    table = make_table(100)
    assert loaded.get_params() == known().get_params()
    assert loaded.artifact_.hash == known().artifact_.hash
    assert np.array_equal(loaded.score_samples(table), known().score_samples(table))
    assert Detector.load(tmp_path / "model", graph_size=9).graph_size == 9
    loaded.save(tmp_path / "again")
    for path in (tmp_path / "model").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    (tmp_path / "model" / "detector.json").write_text('{"depth": 3}')
    with pytest.raises(GaeError, match="another version"):
        Detector.load(tmp_path / "model")


def test_pretrained_is_the_shipped_model() -> None:
    detector = Detector.pretrained(graph_size=50)
    assert detector.name == "default"
    assert np.isfinite(detector.score_samples(make_table(100))).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(detector, "decision_scores_")


def test_a_copy_leaves_compiled_code_behind() -> None:
    detector = known()
    table = make_table(50)
    scores = detector.score_samples(table)
    # what pickling, so Spark, Ray and joblib, take along
    assert not [name for name in detector.__getstate__() if name == "_opened"]
    assert np.array_equal(copy.deepcopy(detector).score_samples(table), scores)
