from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from morpheus_gae.flows.packets.worker import COLUMNS, TEXT, Channel, Engine, FailedError


def flow(**values: Any) -> SimpleNamespace:
    told = {name: "10.0.0.1" if name in TEXT else 7 for name in COLUMNS}
    return SimpleNamespace(**{**told, **values})


def written(rows: int, *items: Any) -> list[pa.RecordBatch]:
    read, write = os.pipe()
    channel = Channel(write, rows)
    channel.open()
    try:
        for item in items:
            channel.put(item)
    finally:
        channel.close()
        with os.fdopen(read, "rb") as file:
            given = list(pa.ipc.open_stream(file))
    return given


def test_flows_come_in_batches() -> None:
    batches = written(2, *(flow(src_port=i) for i in range(5)), SimpleNamespace(id="ready"), None)
    assert [batch["src_port"].to_pylist() for batch in batches] == [[0, 1], [2, 3], [4]]
    assert written(2) == []


def test_a_number_that_is_too_large_costs_its_own_value() -> None:
    (batch,) = written(9, flow(bidirectional_first_seen_ms=2**63), flow(bidirectional_first_seen_ms=1))
    assert batch["bidirectional_first_seen_ms"].to_pylist() == [None, 1]


def test_what_nfstream_says_ends_it() -> None:
    with pytest.raises(FailedError, match="no such file"):
        written(9, SimpleNamespace(id="error", message="no such file"))


def test_a_file_that_gives_nothing_for_ever_ends() -> None:
    lib = SimpleNamespace(capture_next=lambda capture, packet: -1, other=5)
    engine: Any = Engine(None, lib, None, live=False)  # type: ignore[arg-type]
    assert engine.other == 5
    given = [engine.capture_next(None, None) for _ in range(1000)]
    assert given[:999] == [-1] * 999
    assert given[999] == -2


def test_errors_in_between_do_not() -> None:
    answers = iter(([-1] * 999 + [1]) * 3 + [-2])
    lib = SimpleNamespace(capture_next=lambda capture, packet: next(answers))
    engine: Any = Engine(None, lib, None, live=False)  # type: ignore[arg-type]
    given = [engine.capture_next(None, None) for _ in range(3001)]
    assert given.index(-2) == 3000
