"""Small flows and scores by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.frame import Flows


def flows_of(n: int, table: pa.Table | None = None) -> Flows:
    """n flows, each between hosts of its own."""
    v4 = np.uint64(0xFFFF0A000000)
    zeros = np.zeros(n, np.uint64)
    if table is None:
        table = pa.table({"IN_BYTES": np.arange(n), "note": [f"row {i}" for i in range(n)]})
    return Flows(
        table=table,
        src_hi=zeros,
        src_lo=v4 + np.arange(n, dtype=np.uint64),
        dst_hi=zeros,
        dst_lo=v4 + np.uint64(1000) + np.arange(n, dtype=np.uint64),
        attributes=np.ones((n, 3), np.float32),
        duration_missing=np.zeros(n, bool),
        rows=np.arange(n),
    )


def scores_of(surprise: Sequence[float] | np.ndarray, unseen_hosts: int = 0) -> Scores:
    """Scores with these surprises, all of it from the pair."""
    s = np.asarray(surprise, np.float32)
    return Scores(
        score=(-np.expm1(-s)).astype(np.float32),
        surprise=s.astype(np.float64),
        pair_part=s,
        flow_part=np.zeros_like(s),
        unseen_hosts=unseen_hosts,
    )
