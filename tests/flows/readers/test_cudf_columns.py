"""cuDF frames give the same flows, and set the same records aside, as the host's tables do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import InputError
from morpheus_gae.flows.exporters.convert import table_to_flows

pytest.importorskip("torch")
pytest.importorskip("pandas")

from morpheus_gae.flows.readers.cudf_batch import concat_frames
from morpheus_gae.flows.readers.cudf_columns import frame_to_flows, parquet_on_device
from tests.fake_cudf import fake_cudf, from_arrow

WORDS = ("10.0.0.1", "10.0.0.01", "1.2.3.256", "2001:db8::1", " 10.0.0.1 ", "", "nowhere", "0.0.0.0", None)
NUMBERS = (0.0, 7.0, -1.0, None, float("nan"), float("inf"), 1e39)


@pytest.fixture
def cudf() -> Iterator[Any]:
    with fake_cudf() as package:
        yield package


def table(rows: list[tuple[Any, ...]], v6: bool = False) -> pa.Table:
    names = ["IPV4_SRC_ADDR", "IPV4_DST_ADDR", "IN_BYTES", "OUT_BYTES", "FLOW_DURATION_MILLISECONDS"]
    out = pa.table(
        [
            pa.array([row[i] for row in rows], pa.string() if i < 2 else pa.float64())
            for i in range(len(names))
        ],
        names,
    )
    if v6:
        out = out.append_column("IPV6_SRC_ADDR", pa.array(["2001:db8::9"] * len(rows)))
    return out.append_column("note", pa.array([f"n{i}" for i in range(len(rows))]))


def same(found: Any, wanted: Any) -> None:
    parts = [part.numpy() for part in found.flows.columns]
    flows = wanted.flows
    for part, name in zip(parts, ("src_hi", "src_lo", "dst_hi", "dst_lo"), strict=False):
        np.testing.assert_array_equal(part.view(np.uint64), getattr(flows, name))
    np.testing.assert_array_equal(parts[4], flows.attributes)
    np.testing.assert_array_equal(parts[5], flows.duration_missing)
    assert [p.dtype for p in parts[4:]] == [np.float32, np.bool_]
    assert found.flows.frame["note"].tolist() == flows.table["note"].to_pylist()
    assert found.bad == wanted.bad


row = st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS), *[st.sampled_from(NUMBERS)] * 3)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(row, max_size=8), v6=st.booleans())
def test_as_on_the_host(rows: list[tuple[Any, ...]], v6: bool) -> None:
    with fake_cudf() as package:
        whole = table(rows, v6)
        same(frame_to_flows(from_arrow(whole), package, "f", 5), table_to_flows(whole, "f", 5))


def test_usual_rows_never_go_to_the_host(cudf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table([("10.0.0.1", "10.0.0.2", 1.0, 2.0, 3.0)] * 4).to_pandas()

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("copied")

    monkeypatch.setattr(type(frame), "to_arrow", refuse)
    assert len(frame_to_flows(frame, cudf, "f").flows) == 4


def test_the_index_stays(cudf: Any) -> None:
    rows = [("10.0.0.1", "10.0.0.2", 1.0, 2.0, 3.0), ("no", "10.0.0.2", 1.0, 2.0, 3.0)] * 2
    frame = table(rows).to_pandas().set_axis(["a", "b", "c", "d"])
    assert frame_to_flows(frame, cudf, "f").flows.frame.index.tolist() == ["a", "c"]


def test_columns_of_an_exporter_go_through_the_host(cudf: Any) -> None:
    frame = table([("10.0.0.1", "10.0.0.2", 1.0, 2.0, 3.0), ("x", "10.0.0.2", 1.0, 2.0, 3.0)]).to_pandas()
    frame["IN_BYTES"] = ["5", "6"]
    found = frame_to_flows(frame.set_axis(["a", "b"]), cudf, "f")
    assert found.flows.columns[4].tolist() == [[5.0, 2.0, 3.0]]
    assert found.flows.frame.index.tolist() == ["a"]
    assert len(found.bad) == 1
    with pytest.raises(InputError, match="required columns are missing"):
        frame_to_flows(frame[["note"]], cudf, "f")


@pytest.mark.parametrize(("batch_rows", "sizes"), [(1, [3, 3, 3, 1]), (4, [6, 4]), (100, [10])])
def test_parquet_by_row_groups(tmp_path: Path, cudf: Any, batch_rows: int, sizes: list[int]) -> None:
    whole = table([("10.0.0.1", "10.0.0.2", float(i), 2.0, 3.0) for i in range(10)])
    pq.write_table(whole, tmp_path / "f.parquet", row_group_size=3)
    parts = list(parquet_on_device(str(tmp_path / "f.parquet"), cudf, batch_rows, None, print))
    assert [len(part.flows) for part in parts] == sizes
    assert all(part.bytes_read > 0 for part in parts)
    flows = concat_frames([part.flows for part in parts], cudf)
    assert flows.columns[4][:, 0].tolist() == list(range(10))
    assert flows.slice(3, 5).columns[4][:, 0].tolist() == [3, 4]
