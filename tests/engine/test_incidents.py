"""Incidents of a running pipeline: told when they open, when there is news, and when they close."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.engine.incidents import IncidentStream, Keep
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.errors import InputError
from morpheus_gae.flows.frame import Flows
from morpheus_gae.incidents import kinds, records
from morpheus_gae.incidents.encodings import encode
from morpheus_gae.incidents.fold import Change
from morpheus_gae.incidents.kinds import kind_of
from morpheus_gae.sinks.together import SENT, together

HOUR = 3_600_000
EPOCH = 1_700_000_000_000


class Kept:
    """A sink that keeps rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, table: pa.Table) -> None:
        self.rows += table.to_pylist()

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def alerts(window: int, targets: int, source: str = "10.0.0.1", surprise: float = 20.0) -> pa.Table:
    """One source that goes to so many targets, ten minutes a window."""
    n = targets
    start = EPOCH + window * 600_000 + np.arange(n)
    return pa.table(
        {
            "IPV4_SRC_ADDR": [source] * n,
            "IPV4_DST_ADDR": [f"10.1.{i // 250}.{i % 250}" for i in range(n)],
            "PROTOCOL": [6] * n,
            "L4_SRC_PORT": [40_000 + i for i in range(n)],
            "L4_DST_PORT": [443] * n,
            "IN_BYTES": [100] * n,
            "OUT_BYTES": [60] * n,
            "FLOW_START_MILLISECONDS": start,
            "FLOW_DURATION_MILLISECONDS": [10] * n,
            "anomaly_score": [-np.expm1(-surprise)] * n,
            "surprise": [surprise] * n,
            "surprise_pair": [surprise] * n,
            "surprise_flow": [1.0] * n,
            "is_anomaly": [True] * n,
            "threshold": [0.999] * n,
            "why": ["new pair"] * n,
            "model": ["m@1"] * n,
        }
    )


def flows_of(table: pa.Table) -> Any:
    """As far as a stream looks at them."""
    n = table.num_rows
    none = np.zeros(n, np.uint64)
    empty = np.zeros((n, 3), np.float32)
    return Flows(table, none, none, none, none, empty, np.zeros(n, bool), np.arange(n))


def stream(
    sink: Any,
    budget: float | None = None,
    metrics: Metrics | None = None,
    form: str = "plain",
    keep: Keep = lambda changes, counted: changes,
) -> IncidentStream:
    return IncidentStream(
        sink,
        lambda changes, model: encode(changes, model, form),
        metrics or Metrics(),
        lambda line: None,
        HOUR,
        budget,
        keep,
    )


def test_opens_is_updated_when_there_is_news_and_closes() -> None:
    sink, metrics = Kept(), Metrics()
    one = stream(sink, metrics=metrics)
    for window, targets in enumerate((20, 1, 40)):
        table = alerts(window, targets)
        one.add(table, flows_of(table), "m@1")
    one.finish()
    # the second window brings one flow more: no news
    states = [(row["state"], row["flows"]) for row in sink.rows]
    assert states == [("open", 20), ("updated", 61), ("closed", 61)]
    assert len({row["id"] for row in sink.rows}) == 1
    told = metrics.as_dict()["incidents"]
    assert (told["open"], sum(metrics.incidents_opened.values())) == (0, 1)


@given(sizes=st.lists(st.integers(0, 30), max_size=12), budget=st.sampled_from([None, 1e-9, 1e-4]))
@settings(max_examples=40, deadline=None)
def test_each_id_is_opened_once_and_closed_once_and_told_once_a_window(
    sizes: list[int], budget: float | None
) -> None:
    sink = Kept()
    one = stream(sink, budget)
    told: list[tuple[str, str]] = []
    for window, size in enumerate(sizes):
        table = alerts(window, size, surprise=12.0 + size)
        before = len(sink.rows)
        one.add(table, flows_of(table), "m@1")
        ids = [row["id"] for row in sink.rows[before:]]
        assert len(set(ids)) == len(ids)
    one.finish()
    told = [(row["id"], row["state"]) for row in sink.rows]
    for found in {i for i, _ in told}:
        states = [state for i, state in told if i == found]
        assert states[-1] == "closed"
        assert states.count("closed") == 1
        assert states[0] in ("open", "closed")
        assert states.count("open") == (states[0] == "open")


def test_one_below_the_budget_is_told_once_it_is_above() -> None:
    sink = Kept()
    one = stream(sink, budget=1e-6)
    for window, surprise in enumerate((3.0, 40.0)):
        table = alerts(window, 5, surprise=surprise)
        one.add(table, flows_of(table), "m@1")
    one.finish()
    assert [(row["state"], row["flows"]) for row in sink.rows] == [("open", 10), ("closed", 10)]


def state() -> dict[str, Any]:
    """Of a stream that was cut off, as a file brings it back."""
    one = stream(Kept())
    for window in range(3):
        table = alerts(window, targets=5)
        one.add(table, flows_of(table), "m@1")
    found: dict[str, Any] = json.loads(json.dumps(one.as_dict()))
    return found


def test_what_was_written_is_sound_and_goes_on_as_it_was() -> None:
    whole, cut = Kept(), Kept()
    one, other = stream(whole), stream(cut)
    for window in range(3):
        table = alerts(window, targets=5)
        one.add(table, flows_of(table), "m@1")
    other.restore(state(), "here")
    before = len(whole.rows)
    for some in (one, other):
        some.finish()
    assert cut.rows == whole.rows[before:] != []
    assert {row["model"] for row in cut.rows} == {"m@1"}


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, part in inner for p in _paths(part, (*path, key)))]


@given(data=st.data(), wrong=st.sampled_from([None, -1.5, "x" * 80, [], {}, True, 1 << 70, float("nan")]))
@settings(max_examples=150, deadline=None)
def test_no_part_that_is_wrong_gets_in_as_an_error_of_another_kind(data: Any, wrong: Any) -> None:
    """Whatever stands in the place of a part: it is refused, or a run goes on from it to its end."""
    values = copy.deepcopy(state())
    path = data.draw(st.sampled_from([p for p in _paths(values) if p]))
    at = values
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    one = IncidentStream(Kept(), records.table, Metrics(), lambda line: None, 3_600_000)
    try:
        one.restore(values, "here")
    except InputError:
        return
    table = alerts(4, targets=5)
    one.add(table, flows_of(table), "m@1")
    one.finish()


@pytest.mark.parametrize("values", [None, [], {}, {"fold": {}, "told": [], "model": ""}, 7])
def test_what_is_no_state_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match="here is damaged: its incidents cannot be read; remove it"):
        stream(Kept()).restore(values, "here")


@pytest.mark.parametrize("form", ["plain", "ecs", "ocsf", "eve"])
def test_a_kind_is_reckoned_once_a_window_and_a_record_written_once(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    for module, name in ((kinds, "_kind"), (records, "record")):
        real = getattr(module, name)

        def counted(*given: Any, real: Any = real, name: str = name) -> Any:
            asked[name] += 1
            return real(*given)

        monkeypatch.setattr(module, name, counted)

    def keep(changes: list[Change], held: set[str]) -> list[Change]:
        return [change for change in changes if kind_of(change.incident).name != "flood from one"]

    sink = Kept()
    one = IncidentStream(sink, together(form), Metrics(), lambda line: None, HOUR, keep=keep)
    for window, targets in enumerate((20, 40)):
        table = alerts(window, targets)
        one.add(table, flows_of(table), "m@1")
        assert asked == {"_kind": window + 1, "record": window + 1}
    assert [row["state"] for row in sink.rows] == ["open", "updated"]
    assert all(row[SENT] for row in sink.rows)
