from __future__ import annotations

import threading

import pytest

from morpheus_gae.graph.parallel import Helpers


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("rows", [0, 1, 7, 1000])
def test_every_row_is_done_once(threads, rows):
    seen: list[int] = []
    Helpers(threads).run(lambda lo, hi: seen.extend(range(lo, hi)), rows, 3)
    assert sorted(seen) == list(range(rows))


def test_few_rows_stay_in_the_thread_that_asks():
    names = set()
    Helpers(4).run(lambda lo, hi: names.add(threading.current_thread().name), 10, 100)
    assert names == {threading.current_thread().name}


def test_helpers_and_the_caller_work_at_once():
    both = threading.Barrier(2, timeout=60)
    Helpers(2).run(lambda lo, hi: both.wait() if lo == 0 or hi == 100 else None, 100, 50)


def test_callers_at_once_share_the_helpers():
    helpers = Helpers(3)
    assert helpers._enlist(100)[0] == 2
    assert helpers._enlist(100)[0] == 0


def test_the_first_error_is_raised_and_the_helpers_go_on_working():
    helpers = Helpers(2)

    def fail(lo: int, hi: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        helpers.run(fail, 100, 10)
    seen: list[int] = []
    helpers.run(lambda lo, hi: seen.extend(range(lo, hi)), 100, 10)
    assert sorted(seen) == list(range(100))


def test_resizing_changes_how_many_may_work():
    helpers = Helpers(3)
    helpers.run(lambda lo, hi: None, 100, 10)
    helpers.resize(1)
    names = set()
    helpers.run(lambda lo, hi: names.add(threading.current_thread().name), 100, 1)
    assert names == {threading.current_thread().name}
