from __future__ import annotations

import pytest

from morpheus_gae.engine.run.order import USUAL, check_order
from morpheus_gae.errors import UsageError


@pytest.mark.parametrize(
    "stages",
    [
        USUAL,
        USUAL[:1],
        USUAL[:3],
        ("from-netflow", "monitor", "build-graph", "monitor", "infer-gae"),
        (*USUAL, "monitor"),
    ],
)
def test_orders_that_work(stages: tuple[str, ...]) -> None:
    check_order(stages)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ((), "no source"),
        (("build-graph",), "starts with build-graph"),
        (("from-netflow", "infer-gae", "build-graph"), "infer-gae needs build-graph"),
        (("from-netflow", "to-alerts"), "to-alerts needs flag-anomalies"),
        (("from-netflow", "build-graph", "flag-anomalies"), "flag-anomalies needs infer-gae"),
        (("from-netflow", "build-graph", "build-graph"), "twice"),
        (("from-netflow", "from-netflow"), "twice"),
        ((*USUAL, "infer-gae"), "twice"),
    ],
)
def test_orders_that_do_not(stages: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_order(stages)
