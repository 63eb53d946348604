"""from-netflow on the host: maps, told columns and folders, as on the embedded engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import UsageError
from tests.stages.test_device import embedded as embedded_scores
from tests.stages.test_device import flows, gpu, rows_of, run
from tests.stages.test_stages import csv_file, embedded, ours

__all__ = ["gpu"]

MAP = ("IPV4_SRC_ADDR=a", "IPV4_DST_ADDR=b", "IN_BYTES=c:KiB", "FLOW_DURATION_MILLISECONDS=d:s")


@pytest.mark.parametrize("more", [(), ("OUT_BYTES=e",)])
def test_maps_and_columns(host: Any, toy: Any, tmp_path: Path, more: tuple[str, ...]) -> None:
    path = tmp_path / "f.csv"
    path.write_text("".join(f"10.0.0.{i},10.0.1.{i},x,{i},0.5,{7 * i}\n" for i in range(20)))
    one, two = str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl")
    told: dict[str, Any] = {"map": (*MAP, *more), "columns": "a,b,_,c,d,e"}
    embedded(input=(str(path),), output=one, graph_size=7, threshold=0.0, **told)
    c = host.config()
    source = host.stages.FromNetflowStage(c, [str(path)], **{**told, "map": list(told["map"])})
    ours(host, c, source, two, graph_size=7, threshold=0.0).run()
    assert Path(two).read_bytes() == Path(one).read_bytes() != b""
    assert [row["IN_BYTES"] for row in rows_of(Path(two))] == [1024 * i for i in range(20)]


def test_a_map_that_cannot_be_understood_is_told_when_the_stage_is_made(host: Any) -> None:
    with pytest.raises(UsageError, match="is none of our columns"):
        host.stages.FromNetflowStage(host.config(), ["x.csv"], map=["x=y"])


def test_a_folder(host: Any, toy: Any, tmp_path: Path) -> None:
    for day in ("1", "2", "__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / "f" / f"dt={day}").mkdir(parents=True)
        csv_file(tmp_path / "f" / f"dt={day}" / "p.csv")
    (tmp_path / "f" / "_SUCCESS").write_text("")
    one, two = str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl")
    embedded(input=(str(tmp_path / "f"),), output=one, graph_size=10, threshold=0.0)
    c = host.config()
    ours(host, c, host.stages.FromNetflowStage(c, [str(tmp_path / "f")]), two, threshold=0.0).run()
    assert Path(two).read_bytes() == Path(one).read_bytes() != b""
    assert [row["dt"] for row in rows_of(Path(two))] == ["1"] * 25 + ["2"] * 25 + [None] * 25
    source = host.stages.FromNetflowStage(c, [str(tmp_path / "f")])
    with pytest.raises(UsageError, match="all of which is read as input"):
        ours(host, c, source, str(tmp_path / "f" / "a.jsonl"), threshold=0.0).run()


def test_a_folder_of_parquet_stays_on_the_device(host: Any, gpu: Any, tmp_path: Path) -> None:
    table = flows(300)
    for i, day in enumerate(("1", "2", "__HIVE_DEFAULT_PARTITION__")):
        (tmp_path / "f" / f"dt={day}").mkdir(parents=True)
        pq.write_table(table.slice(100 * i, 100), tmp_path / "f" / f"dt={day}" / "p.parquet")
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    embedded_scores(tmp_path / "f", one)
    run(host, gpu, str(tmp_path / "f"), two)
    rows, want = rows_of(two), rows_of(one)
    assert [(row["note"], row["dt"]) for row in rows] == [(row["note"], row["dt"]) for row in want]
    assert {row["dt"] for row in rows} == {"1", "2", None}
