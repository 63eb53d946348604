"""What is written again and again: not too often, and the less often the longer it takes."""

from __future__ import annotations

import pytest

from morpheus_gae.engine.recover.due import SHARE, Due


@pytest.mark.parametrize(
    ("seconds", "takes", "expected"),
    [
        (0.0, 3.0, 0.0),
        (5.0, 0.0, 5.0),
        # less than the share: as told
        (5.0, 0.05, 5.0),
        (1.0, 0.5, 0.5 / SHARE),
    ],
)
def test_from_one_time_to_the_next(seconds: float, takes: float, expected: float) -> None:
    now = [0.0]

    def act() -> None:
        now[0] += takes

    due = Due(seconds, lambda: now[0])
    assert due.now()
    due.write(act)
    assert due.now() is (expected <= takes)
    now[0] = max(expected - 0.01, takes)
    assert due.now() is (expected <= takes)
    now[0] = max(expected, takes)
    assert due.now()
