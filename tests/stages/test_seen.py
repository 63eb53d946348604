"""Incidents on the host: those of the embedded engine, severity and all, wherever the frames lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stages.test_stages import embedded

pytest.importorskip("pandas")

WINDOW = 200
MODEL = Path(__file__).parents[2] / "models" / "default"


def flows_file(path: Path, times: bool = True) -> str:
    """Two hours in which one host goes to many, with 12 bytes, amid a thousand flows of 1 byte."""
    n = 1000
    scan = np.arange(n) % 50 == 7
    host = np.arange(n) % 40
    columns: dict[str, Any] = {
        "IPV4_SRC_ADDR": ["10.0.0.1" if s else f"10.0.1.{h}" for s, h in zip(scan, host, strict=True)],
        "IPV4_DST_ADDR": [f"10.0.2.{i // 50}" if s else "10.0.3.1" for i, s in enumerate(scan)],
        "PROTOCOL": [6] * n,
        "L4_SRC_PORT": [40_000] * n,
        "L4_DST_PORT": [443] * n,
        "IN_BYTES": np.where(scan, 12, 1),
        "OUT_BYTES": [60] * n,
        "FLOW_DURATION_MILLISECONDS": [10] * n,
    }
    if times:
        columns["FLOW_START_MILLISECONDS"] = 1_700_000_000_000 + 7_200 * np.arange(n)
    pq.write_table(pa.table(columns), path)
    return str(path)


@pytest.fixture
def device(host: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Frames as on a device, of windows that are cut and scored on the host."""
    if host.REAL:
        pytest.skip("the real one has no GPU mode without its compiled parts")
    from tests.fake_cudf import fake_cudf

    with fake_cudf() as package:
        mixin = host.stages.FromNetflowStage.__mro__[1]
        monkeypatch.setattr(mixin, "get_df_pkg", lambda self: package)
        yield package


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def both(host: Any, tmp_path: Path, times: bool, *between: Any) -> list[list[dict[str, Any]]]:
    """Incidents of the embedded engine and of the host, with stages before flag-anomalies."""
    path, c = flows_file(tmp_path / "f.parquet", times), host.config()
    outs = [[str(tmp_path / f"{kind}.{engine}.jsonl") for kind in ("alerts", "incidents")] for engine in "eh"]
    embedded(input=(path,), output=outs[0][0], incidents=outs[0][1], graph_size=WINDOW, threshold=0.99)
    host.linear(
        c,
        host.stages.FromNetflowStage(c, [path], batch_size=70),
        host.stages.BuildGraphStage(c, WINDOW),
        host.stages.InferGaeStage(c, "toy"),
        *between,
        host.stages.FlagAnomaliesStage(c, threshold=0.99),
        host.stages.ToAlertsStage(c, outs[1][0], incidents=outs[1][1]),
    ).run()
    return [told(Path(out[1])) for out in outs]


@pytest.mark.parametrize("times", [True, False])
def test_incidents_are_those_of_the_embedded_engine(host: Any, toy: Any, tmp_path: Path, times: bool) -> None:
    ours, theirs = both(host, tmp_path, times)
    assert ours == theirs
    assert [record["state"] for record in ours] == [
        "open",
        "updated",
        "updated",
        "updated",
        "updated",
        "closed",
    ]
    # a thousand flows in two hours
    daily = 12 * 1000 if times else 1000
    assert ours[-1]["false_a_day"] == pytest.approx(daily * np.exp(-ours[-1]["surprise_pooled"]), rel=0.01)


@pytest.mark.parametrize("times", [True, False])
def test_so_they_are_from_device_frames_of_which_flagged_rows_alone_come_back(
    host: Any, toy: Any, device: Any, tmp_path: Path, times: bool
) -> None:
    ours, theirs = both(host, tmp_path, times)
    assert ours == theirs != []


def test_rows_that_others_take_away_were_seen_all_the_same(host: Any, toy: Any, tmp_path: Path) -> None:
    from morpheus.messages import MessageMeta

    def strange_alone(message: Any) -> Any:
        frame = message.payload().copy_dataframe()
        message.payload(MessageMeta(frame[frame["anomaly_score"] > 0.99]))
        return message

    ours, theirs = both(host, tmp_path, True, host.Apply(host.config(), strange_alone))
    assert ours == theirs != []


@pytest.mark.parametrize("order", ["AABB", "ABAB", "ABBA", "ABCABC"])
def test_a_window_that_comes_in_pieces_counts_once_whatever_comes_between(host: Any, order: str) -> None:
    from morpheus.messages import ControlMessage, MessageMeta

    from morpheus_gae.stages.metadata import SEEN, WINDOW, write
    from morpheus_gae.stages.seen import SeenWindows

    pd, seen = pytest.importorskip("pandas"), SeenWindows()
    told = []
    for name in order:
        message = ControlMessage()
        message.payload(MessageMeta(pd.DataFrame({"IN_BYTES": [1, 2]})))
        write(message, WINDOW, f"build-graph/{name}")
        write(message, SEEN, [100, 5, 9])
        told.append(seen.of(message))
    assert [one[1:] for one in told] == [(5, 9)] * len(order)
    assert [one.flows for one in told] == [0 if name in order[:i] else 100 for i, name in enumerate(order)]
