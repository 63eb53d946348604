"""The stages on the host: what comes out is what the embedded engine gives, and no row loses its place."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae.engine.run.order import USUAL
from morpheus_gae.engine.run.pipeline import build_pipeline
from morpheus_gae.engine.settings import Settings
from morpheus_gae.errors import UsageError
from tests.sinks.remote.test_elastic import Cluster
from tests.sinks.remote.web import Reply, Web

pd = pytest.importorskip("pandas")

HEADER = "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS,note,Label"


def csv_file(path: Path, count: int = 25) -> str:
    rows = [
        f"10.0.0.{i % 5},2001:db8::{i % 3},{i},{i * 3},{'' if i % 4 else i},note {i},{i % 2}"
        for i in range(count)
    ]
    rows.insert(7, "nowhere,10.0.0.1,1,1,1,bad,0")
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return str(path)


def text(words: Iterable[str]) -> Any:
    return np.array(list(words), dtype=object)


def frame(count: int, first: int = 0) -> Any:
    i = np.arange(first, first + count)
    return pd.DataFrame(
        {
            "note": text(f"n{k}" for k in i),
            "IPV4_SRC_ADDR": text(f"10.0.0.{k % 5}" for k in i),
            "IPV4_DST_ADDR": text(f"10.0.1.{k % 3}" for k in i),
            "IN_BYTES": i.astype(np.int32),
            "OUT_BYTES": i.astype(np.float64),
            "FLOW_DURATION_MILLISECONDS": np.where(i % 3 == 0, np.nan, i),
            "when": pd.to_datetime(i, unit="s"),
        },
        index=pd.Index([f"row {k}" for k in i], name="id"),
    )


def embedded(**told: Any) -> None:
    build_pipeline(USUAL, Settings(model="toy", **told), say=lambda line: None).run()


def ours(host: Any, c: Any, source: Any, output: str, graph_size: int = 10, **rule: Any) -> Any:
    return host.linear(
        c,
        source,
        host.stages.BuildGraphStage(c, graph_size),
        host.stages.InferGaeStage(c, "toy"),
        host.stages.FlagAnomaliesStage(c, **rule),
        host.stages.ToAlertsStage(c, output),
    )


@pytest.mark.parametrize("rule", [{"threshold": 0.99}, {"adaptive": True, "alert_rate": 0.2}])
@pytest.mark.parametrize("batch_size", [4, 100])
def test_same_alerts_as_the_embedded_engine(
    host: Any, toy: Any, tmp_path: Path, rule: dict[str, Any], batch_size: int
) -> None:
    path = csv_file(tmp_path / "flows.csv")
    one, two = str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl")
    embedded(input=(path,), output=one, graph_size=10, **rule)
    c = host.config()
    pipeline = ours(host, c, host.stages.FromNetflowStage(c, [path], batch_size=batch_size), two, **rule)
    pipeline.run()
    assert Path(two).read_bytes() == Path(one).read_bytes() != b""
    dead = [Path(f"{out}.dead.ndjson").read_text() for out in (one, two)]
    assert dead[0] == dead[1] != ""
    facts = host.run_of(pipeline).metrics.as_dict()
    assert (facts["flows"], facts["windows"]) == (25, 3)
    assert facts["bad_records"] == {"unparsable_address": 1}
    assert facts["labels"]["attacks"] == 12


def test_every_type_comes_through(host: Any, toy: Any, tmp_path: Path) -> None:
    n = 23
    some = [None if i % 3 else i for i in range(n)]
    table = pa.table(
        {
            "IPV4_SRC_ADDR": pa.array(["10.0.0.1"] * n).dictionary_encode(),
            "IPV4_DST_ADDR": pa.array(["10.0.0.2"] * n, pa.large_string()),
            "IN_BYTES": pa.array(range(n), pa.uint64()),
            "OUT_BYTES": pa.array(range(n), pa.int16()),
            "FLOW_DURATION_MILLISECONDS": pa.array(some, pa.int64()),
            "flag": pa.array([None if i % 5 else True for i in range(n)]),
            "day": pa.array([datetime.date(2024, 1, 1 + i) for i in range(n)]),
            "at": pa.array(some, pa.timestamp("us", "UTC")),
            "cost": pa.array([decimal.Decimal(i) / 4 for i in range(n)]),
            "tags": pa.array([["a"] * (i % 3) for i in range(n)]),
            "nothing": pa.nulls(n),
            "share": pa.array([None if i % 2 else i / 7 for i in range(n)], pa.float32()),
            "__index_level_0__": pa.array(range(n)),
        }
    )
    pq.write_table(table, tmp_path / "flows.parquet")
    told = {"input": (str(tmp_path / "flows.parquet"),), "graph_size": 10, "threshold": 0.0}
    embedded(output=str(tmp_path / "one.jsonl"), **told)
    embedded(output=str(tmp_path / "one.parquet"), **told)
    for kind in ("jsonl", "parquet"):
        c = host.config()
        source = host.stages.FromNetflowStage(c, list(told["input"]), batch_size=7)
        ours(host, c, source, str(tmp_path / f"two.{kind}"), threshold=0.0).run()
    assert (tmp_path / "two.jsonl").read_text() == (tmp_path / "one.jsonl").read_text() != ""
    one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert two.replace_schema_metadata(None).equals(one.replace_schema_metadata(None))


@pytest.mark.parametrize("control", [False, True])
def test_index_order_and_columns_of_a_stock_source_stay(
    host: Any, toy: Any, tmp_path: Path, control: bool
) -> None:
    c = host.config()
    parts = [frame(4), frame(9, 4), frame(1, 13), frame(11, 14)]
    collect = host.Collect(c)
    host.linear(
        c,
        host.Frames(c, parts, control),
        host.stages.BuildGraphStage(c, graph_size=10),
        host.stages.InferGaeStage(c, "toy"),
        host.stages.FlagAnomaliesStage(c, threshold=0.5),
        collect,
    ).run()
    got = collect.frames()
    assert [len(part) for part in got] == [10, 10, 5]
    whole = pd.concat(got)
    pd.testing.assert_frame_equal(whole[list(parts[0].columns)], pd.concat(parts))
    assert whole["surprise"].tolist() == list(range(25))
    assert whole["is_anomaly"].tolist() == [False] + [True] * 24
    assert {str(whole[name].dtype) for name in ("anomaly_score", "threshold")} == {"float32"}
    assert whole["surprise"].dtype == np.float64
    # the frames that came in are somebody else's
    assert "surprise" not in parts[0].columns


def test_scores_are_the_tensor_probs(host: Any, toy: Any) -> None:
    c = host.config()
    collect = host.Collect(c)
    host.linear(
        c,
        host.Frames(c, [frame(12)]),
        host.stages.BuildGraphStage(c, graph_size=10),
        host.stages.InferGaeStage(c, "toy"),
        collect,
    ).run()
    assert len(collect.seen) == 2
    for message, scored in zip(collect.seen, collect.frames(), strict=True):
        probs = message.tensors().get_tensor("probs")
        assert probs.shape == (len(scored), 1)
        assert probs[:, 0].tolist() == scored["anomaly_score"].tolist()


def test_bad_records_of_a_stock_source_are_set_aside(host: Any, toy: Any, tmp_path: Path) -> None:
    bad = frame(8)
    bad.loc["row 3", "IPV4_SRC_ADDR"] = "nowhere"
    c = host.config()
    collect = host.Collect(c)
    dead = tmp_path / "dead.ndjson"
    build = host.stages.BuildGraphStage(c, graph_size=5, dead_letters=str(dead))
    host.linear(
        c, host.Frames(c, [bad, frame(4, 8)]), build, host.stages.InferGaeStage(c, "toy"), collect
    ).run()
    whole = pd.concat(collect.frames())
    assert whole.index.tolist() == [f"row {i}" for i in range(12) if i != 3]
    assert whole["surprise"].tolist() == [i for i in range(12) if i != 3]
    (record,) = [json.loads(line) for line in dead.read_text().splitlines()]
    assert record["row"] == 3


def test_rows_may_go_after_the_scores(host: Any, toy: Any, tmp_path: Path) -> None:
    c = host.config()
    host.linear(
        c,
        host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")]),
        host.stages.BuildGraphStage(c, graph_size=10),
        host.stages.InferGaeStage(c, "toy"),
        host.Every(c, 2),
        host.stages.FlagAnomaliesStage(c, threshold=0.0),
        host.Every(c, 2),
        host.stages.ToAlertsStage(c, str(tmp_path / "a.jsonl")),
    ).run()
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["IN_BYTES"] for row in rows] == [0, 4, 8, 10, 14, 18, 20, 24]
    assert all(row["surprise"] == row["IN_BYTES"] for row in rows)


def test_rows_may_not_go_before_the_scores(host: Any, toy: Any) -> None:
    c = host.config()
    parts = host.stages.BuildGraphStage(c, 10), host.Every(c, 2), host.stages.InferGaeStage(c, "toy")
    with pytest.raises(UsageError, match="5 rows with a graph of 10 flows"):
        host.linear(c, host.Frames(c, [frame(10)]), *parts).run()


@pytest.mark.parametrize("octets", [False, True])
def test_the_graph_has_what_the_model_downstream_needs(host: Any, toy: Any, octets: bool) -> None:
    toy.artifact.spec = dataclasses.replace(toy.artifact.spec, octets=octets)
    stock, had = toy.score, []

    def score(graph: Any) -> Any:
        had.append(graph.octets is not None)
        return stock(graph)

    toy.score = score
    c = host.config()
    # another stage may stand between the two
    stages = host.stages.BuildGraphStage(c, 10), host.Collect(c), host.stages.InferGaeStage(c, "toy")
    host.linear(c, host.Frames(c, [frame(12)]), *stages).run()
    # the first graph is made up, to compile the kernels
    assert had[1:] == [octets, octets]


def test_two_sources_make_one_stream(host: Any, toy: Any, tmp_path: Path) -> None:
    c = host.config()
    pipeline = host.Pipeline(c)
    sources = [host.stages.FromNetflowStage(c, [csv_file(tmp_path / f"{k}.csv")]) for k in "ab"]
    build, infer = host.stages.BuildGraphStage(c, 10), host.stages.InferGaeStage(c, "toy")
    collect = host.Collect(c)
    for part in (*sources, build, infer, collect):
        pipeline.add_stage(part)
    for start, end in ((sources[0], build), (sources[1], build), (build, infer), (infer, collect)):
        pipeline.add_edge(start, end)
    pipeline.run()
    whole = pd.concat(collect.frames())
    assert sorted(whole["IN_BYTES"]) == sorted([*range(25), *range(25)])


def one_way_file(path: Path, count: int = 20) -> str:
    """Each flow as two records, one of each direction, as many exporters give them."""
    rows = []
    for i in range(count):
        there = f"10.0.0.{i},10.0.1.{i},{1000 + i},443,6,{i + 1},{i},{i + 9}"
        back = f"10.0.1.{i},10.0.0.{i},443,{1000 + i},6,{i + 100},{i},{i + 9}"
        rows += [there, back]
    header = "src_addr,dst_addr,src_port,dst_port,proto,bytes,time_flow_start_ms,time_flow_end_ms"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("told", [{}, {"pair_seconds": 0.0}])
def test_one_way_records_are_joined_as_on_the_embedded_engine(
    host: Any, toy: Any, tmp_path: Path, told: dict[str, Any]
) -> None:
    path = one_way_file(tmp_path / "flows.csv")
    one, two = str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl")
    embedded(input=(path,), output=one, graph_size=7, threshold=0.0, preset="goflow2", **told)
    c = host.config()
    source = host.stages.FromNetflowStage(c, [path], preset="goflow2", **told)
    ours(host, c, source, two, graph_size=7, threshold=0.0).run()
    assert Path(two).read_bytes() == Path(one).read_bytes() != b""
    assert len(Path(two).read_text().splitlines()) == (40 if told else 20)


@pytest.mark.parametrize("encoding", ["ecs", "ocsf", "eve"])
def test_encodings_are_those_of_the_embedded_engine(
    host: Any, toy: Any, tmp_path: Path, encoding: str
) -> None:
    path = csv_file(tmp_path / "flows.csv")
    one, two = str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl")
    embedded(input=(path,), output=one, graph_size=10, threshold=0.9, encoding=encoding)
    c = host.config()
    stages = host.stages
    host.linear(
        c,
        stages.FromNetflowStage(c, [path]),
        stages.BuildGraphStage(c, 10),
        stages.InferGaeStage(c, "toy"),
        stages.FlagAnomaliesStage(c, threshold=0.9),
        stages.ToAlertsStage(c, two, encoding),
    ).run()
    texts = [Path(out).read_text() for out in (one, two)]
    # the time of the run, where a flow has none, may differ by a digit, and nothing else
    shapes = [[re.sub(r"[0-9]+", "0", line) for line in text.splitlines()] for text in texts]
    assert shapes[0] == shapes[1]
    assert len(texts[0].splitlines()) == 22


def test_alerts_go_to_a_server_and_what_it_refuses_is_kept(host: Any, toy: Any, tmp_path: Path) -> None:
    refused = tmp_path / "refused.jsonl"
    cluster = Cluster(items=[(400, {"type": "document_parsing_exception", "reason": "no"})])
    c = host.config()
    with Web(cluster, [Reply(503, b"", (("Retry-After", "0"),))]) as web:
        out = f"elasticsearch+http://127.0.0.1:{web.port}/alerts"
        source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "flows.csv")])
        stages = host.stages
        host.linear(
            c,
            source,
            stages.BuildGraphStage(c, 10),
            stages.InferGaeStage(c, "toy"),
            stages.FlagAnomaliesStage(c, threshold=0.9),
            stages.ToAlertsStage(c, out, refused=str(refused), retry_seconds=30.0),
        ).run()
    (kept,) = [json.loads(line) for line in refused.read_text().splitlines()]
    assert kept["detail"] == "400 document_parsing_exception: no"
    assert len(cluster.documents) == 21
    # in Elastic's own schema, where no other is asked for
    assert {document["ecs"]["version"] for document in cluster.documents.values()} == {"8.11.0"}


def test_globs_are_read_in_order(host: Any, toy: Any, tmp_path: Path) -> None:
    for name, first in (("b", 10), ("a", 0)):
        frame(10, first).to_csv(tmp_path / f"{name}.csv", index=False)
    c = host.config()
    collect = host.Collect(c)
    source = host.stages.FromNetflowStage(c, [str(tmp_path / "?.csv")])
    stages = host.stages.BuildGraphStage(c, 7), host.stages.InferGaeStage(c, "toy")
    host.linear(c, source, *stages, collect).run()
    assert pd.concat(collect.frames())["IN_BYTES"].tolist() == list(range(20))


def test_input_may_be_repeated(host: Any, toy: Any, tmp_path: Path) -> None:
    c = host.config()
    collect = host.Collect(c)
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv", 4)], repeat=3)
    host.linear(
        c, source, host.stages.BuildGraphStage(c, 5), host.stages.InferGaeStage(c, "toy"), collect
    ).run()
    whole = pd.concat(collect.frames())
    assert whole["IN_BYTES"].tolist() == [0, 1, 2, 3] * 3
    assert whole.index.tolist() == list(range(12))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["InferGaeStage"], "infer-gae needs build-graph"),
        (["BuildGraphStage", "FlagAnomaliesStage"], "flag-anomalies needs infer-gae"),
        (["BuildGraphStage", "InferGaeStage", "ToAlertsStage"], "to-alerts needs flag-anomalies"),
    ],
)
def test_stages_that_do_not_fit_are_refused(
    host: Any, toy: Any, tmp_path: Path, names: Any, message: str
) -> None:
    c = host.config()
    source = host.stages.FromNetflowStage(c, [csv_file(tmp_path / "f.csv")])
    with pytest.raises(UsageError, match=message):
        host.linear(c, source, *(getattr(host.stages, name)(c) for name in names)).run()


def test_nothing_to_read_is_refused(host: Any) -> None:
    with pytest.raises(UsageError, match="--input"):
        host.stages.FromNetflowStage(host.config(), [])
