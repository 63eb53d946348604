"""Windows beside the messages: every taker gets its window, and none is kept for longer than it takes."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def windows(host: Any) -> Any:
    from morpheus_gae.stages.waiting import WaitingWindows

    return WaitingWindows()


def test_each_taker_gets_it_and_then_it_is_gone(windows: Any) -> None:
    windows.expect("build", ["a", "b"])
    keys = [windows.give("build", number) for number in range(4)]
    assert [windows.take(key, "a") for key in keys] == [0, 1, 2, 3]
    assert len(windows) == 4
    assert windows.take(keys[2], "b") == 2
    # those before it were filtered away
    assert len(windows) == 1
    assert windows.take(keys[1], "b") is None
    assert windows.take(keys[3], "b") == 3
    assert len(windows) == 0


def test_nothing_is_kept_for_nobody(windows: Any) -> None:
    windows.expect("build", [])
    key = windows.give("build", 1)
    assert len(windows) == 0
    assert windows.take(key, "a") is None


@pytest.mark.parametrize("key", ["", "elsewhere/1", "build/x", None, 3])
def test_a_strange_key_finds_nothing(windows: Any, key: Any) -> None:
    windows.expect("build", ["a"])
    windows.give("build", 1)
    assert windows.take(key, "a") is None
    assert len(windows) == 1


def test_two_givers_do_not_wait_for_each_other(windows: Any) -> None:
    windows.expect("one", ["a"])
    windows.expect("two", ["a"])
    first, second = windows.give("one", 1), windows.give("two", 2)
    assert windows.take(second, "a") == 2
    assert windows.take(first, "a") == 1
    assert len(windows) == 0
