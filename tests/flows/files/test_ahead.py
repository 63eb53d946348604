"""Parts of an input are worked on ahead, and nobody can tell but by the time it takes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae.flows.files import ahead
from morpheus_gae.flows.files.ahead import in_order, readers
from morpheus_gae.flows.readers import columnar
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.rows import table


class Boom(Exception):
    pass


def reading() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read-")]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_are_in_order_and_no_thread_is_left(threads: int) -> None:
    assert list(in_order(iter(range(100)), lambda i: i * i, threads)) == [i * i for i in range(100)]
    assert list(in_order(iter(()), str, threads)) == []
    assert not reading()


def test_parts_are_worked_on_at_once() -> None:
    second = threading.Event()

    def work(i: int) -> int:
        # the first is not done before the second is
        assert second.wait(60) if i == 0 else True
        if i == 1:
            second.set()
        return i

    assert list(in_order(iter(range(3)), work, 2)) == [0, 1, 2]


@pytest.mark.parametrize("threads", [2, 4])
def test_few_are_under_way(threads: int) -> None:
    given = 0
    most = 0

    def parts() -> Iterator[int]:
        nonlocal most
        for i in range(50):
            most = max(most, i + 1 - given)
            yield i

    for _ in in_order(parts(), str, threads):
        given += 1
    # the one that whoever reads has just got counts as given
    assert most <= threads + 2


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_come_after_what_was_before_them(threads: int) -> None:
    def parts() -> Iterator[int]:
        yield from range(7)
        raise Boom

    def work(i: int) -> int:
        if i == 4:
            raise Boom
        return i

    for stream, count in ((in_order(parts(), int, threads), 7), (in_order(iter(range(9)), work, threads), 4)):
        assert [next(stream) for _ in range(count)] == list(range(count))
        with pytest.raises(Boom):
            next(stream)
        assert not reading()


def test_whoever_stops_early_leaves_no_thread() -> None:
    endless = in_order(iter(int, 1), str, 3)
    assert [next(endless), next(endless)] == ["0", "0"]
    endless.close()
    assert not reading()


def test_a_process_ends_though_nobody_read_to_the_end() -> None:
    script = (
        "import sys\n"
        "from morpheus_gae.flows.files.ahead import in_order\n"
        "kept = in_order(iter(int, 1), str, 2)\n"
        "assert next(kept) == '0'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(
    ("processors", "arrow", "wanted"), [(1, 1, 1), (2, 2, 1), (8, 2, 1), (8, 8, 4), (99, 99, 8)]
)
def test_half_of_the_processors_read(
    monkeypatch: pytest.MonkeyPatch, processors: int, arrow: int, wanted: int
) -> None:
    monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    monkeypatch.setattr("pyarrow.cpu_count", lambda: arrow)
    assert readers() == wanted


def given_of(path: Path, threads: int, monkeypatch: pytest.MonkeyPatch, **options: object) -> list[object]:
    monkeypatch.setattr(columnar, "readers", lambda: threads)
    return [
        (b.flows.rows.tolist(), b.flows.src_lo.tolist(), b.flows.table.to_pylist(), b.bytes_read, b.bad)
        for b in read_flows(str(path), batch_rows=60, **options)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("dictionaries", [False, True])
@pytest.mark.parametrize("skip", [0, 130, 990])
def test_a_file_is_the_same_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dictionaries: bool, skip: int
) -> None:
    path = tmp_path / "flows.parquet"
    pq.write_table(table(1000), path, row_group_size=170)
    options = {"dictionaries": dictionaries, "skip": skip}
    want = given_of(path, 1, monkeypatch, **options)
    assert given_of(path, 3, monkeypatch, **options) == want


@pytest.mark.parametrize("group", [0, 2, 5])
def test_damage_costs_the_same_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int) -> None:
    path = tmp_path / "flows.parquet"
    pq.write_table(pa.concat_tables([table(170)] * 6), path, row_group_size=170, compression="zstd")
    data = bytearray(path.read_bytes())
    page = pq.ParquetFile(path).metadata.row_group(group).column(1).data_page_offset
    data[page : page + 60] = b"\xff" * 60
    path.write_bytes(data)
    want = given_of(path, 1, monkeypatch)
    assert [bad.reason.value for bad in want[-1][4]] == ["truncated_file"]
    assert given_of(path, 3, monkeypatch) == want
