"""A model trained on Spark is to the bit that of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from morpheus_gae import Detector, InputError, UsageError
from morpheus_gae.api.batches import Account
from tests.api.flows import changed, make_table
from tests.spark.lake import lake

# Spark's own warnings are not ours, and it starts slowly
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]


def clocked(**params: Any) -> Detector:
    return Detector(**{"epochs": 1, "windows": "clock", "window_seconds": 2, **params})


def test_the_model_is_that_of_one_machine(spark: Any, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.spark import fit

    table = changed(make_table(1200, seed=5), "IN_BYTES", lambda values: values.__setitem__(7, -1))
    table = table.append_column("service", pa.array(["dns", "tls", None, "-"] * 300))
    found = fit(lake(spark, table, tmp_path / "lake"), clocked(features="enriched"))
    assert found.artifact_.hash == clocked(features="enriched").fit(table).artifact_.hash
    assert found.artifact_.config["training"]["flows"] <= 1199
    assert not hasattr(found, "decision_scores_")


def test_more_flows_than_training_takes(spark: Any, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.spark import fit
    from morpheus_gae.spark.train import spread

    table = make_table(1200, seed=5)
    found = fit(lake(spark, table, tmp_path / "lake"), clocked(max_flows=700))
    window = np.asarray(table["FLOW_START_MILLISECONDS"]) // 2000
    numbers, counts = np.unique(window, return_counts=True)
    taken = spread(numbers, counts, 700)
    assert 1 < len(taken) < len(numbers)
    part = table.filter(pa.array(np.isin(window, taken)))
    assert found.artifact_.hash == clocked().fit(part).artifact_.hash


@pytest.mark.parametrize("most", [None, 700])
def test_flows_come_in_slices(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int | None
) -> None:
    pytest.importorskip("torch")
    from morpheus_gae.spark import train

    table = make_table(1200, seed=5)
    whole = train.fit(lake(spark, table, tmp_path / "lake"), clocked(max_flows=most))
    sizes: list[int] = []
    collected = train._collected

    def told(frame: Any) -> pa.Table:
        found = collected(frame)
        sizes.append(found.num_rows)
        return found

    monkeypatch.setattr(train, "_collected", told)
    monkeypatch.setattr(train, "SLICE", 200)
    found = train.fit(lake(spark, table, tmp_path / "again"), clocked(max_flows=most))
    assert found.artifact_.hash == whole.artifact_.hash
    # the first is the count of windows
    assert len(sizes) > 3
    assert max(sizes[1:]) <= 200


def test_slices_hold_all_flows_once() -> None:
    from morpheus_gae.spark.train import SLICE, SLOT, slices

    slot = pa.array([7, None, -3, 4, 5, 7], pa.int64())
    counts = pa.table({SLOT: slot, "flows": [SLICE // 2, 5, 3, 2 * SLICE, SLICE // 3, SLICE // 2]})
    assert slices(counts, 10) == [(None, 0), (-30, -20), (40, 50), (50, 60), (70, 80)]
    assert slices(counts.slice(1, 2), 10) == [(None, 0), (-30, -20)]
    assert slices(counts.slice(4), 10) == [(50, 80)]
    assert slices(counts.slice(0, 0), 10) == []


def test_errors_come_before_spark_works(spark: Any, tmp_path: Path) -> None:
    from morpheus_gae.spark import fit

    frame = lake(spark, make_table(1200), tmp_path / "lake")
    with pytest.raises(UsageError, match="clock"):
        fit(frame, Detector())


def test_windows_are_taken_evenly_over_the_time() -> None:
    from morpheus_gae.spark.train import spread

    rng = np.random.default_rng(0)
    windows = rng.permutation(1000) + 7
    counts = rng.integers(1, 20, 1000)
    for most in (100, 1000, 5000):
        taken = spread(windows, counts, most)
        of = dict(zip(windows.tolist(), counts.tolist(), strict=True))
        assert most - 20 < sum(of[w] for w in taken.tolist()) <= most
        gaps = np.diff(np.concatenate([[6], taken, [1007]]))
        assert gaps.min() > 0
        # as a comb would, give or take
        assert gaps.max() <= 4 * 1000 / len(taken) + 1
    assert np.array_equal(spread(windows, counts, 10**9), np.sort(windows))
    assert spread(windows, counts, 0).shape == (0,)


def counted(table: pa.Table) -> pa.Table:
    """What Spark tells of records, see ``_counted``."""
    from morpheus_gae.spark.train import ENCODED_WORDS, ONE_WAY, WORDS

    words = {f"{WORDS}{i}": [pc.max(table[f"{WORDS}{i}"]).as_py()] for i in ENCODED_WORDS}
    packets = {name: [table.num_rows - table[name].null_count] for name in ("IN_PKTS", "OUT_PKTS")}
    return pa.table({ONE_WAY: [pc.max(table[ONE_WAY]).as_py()], **words, **packets})


def test_what_training_reads_is_kept_to_the_bit() -> None:
    from morpheus_gae.spark.train import KEPT, flows_of, gathered, narrowed

    table = make_table(500)
    cut = clocked().cut()
    expected = next(iter(cut.records(table, Account())))
    narrow = narrowed(expected, cut)
    assert narrow.column_names == list(KEPT)
    found = flows_of(narrow.take(np.random.default_rng(0).permutation(500)), counted(narrow))
    for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "attributes", "duration_missing", "time_ms"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    with pytest.raises(InputError, match="no well-formed flow"):
        gathered(cut, [], False)


def test_one_way_records_are_joined_where_they_are_collected() -> None:
    from morpheus_gae.spark.train import flows_of, gathered, narrowed

    there = make_table(100).drop_columns(["OUT_BYTES"])
    ends = {"IPV4_SRC_ADDR": "IPV4_DST_ADDR", "L4_SRC_PORT": "L4_DST_PORT"}
    ends |= {theirs: ours for ours, theirs in ends.items()}
    back = there.rename_columns([ends.get(n, n) for n in there.column_names]).select(there.column_names)
    records = pa.concat_tables([there, back])
    names = ["octets" if n == "IN_BYTES" else n for n in there.column_names]
    cut = clocked(columns={"IN_BYTES": "octets"}).cut()
    raw = next(iter(cut.records(records.rename_columns(names), Account())))
    assert raw.one_way
    narrow = narrowed(raw, cut)
    assert len(gathered(cut, [flows_of(narrow, counted(narrow))], False)) == 100
