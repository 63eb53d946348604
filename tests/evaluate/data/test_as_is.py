from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from morpheus_gae.evaluate.data.as_is import as_is
from tests.evaluate.make import attack_flows, timed_benign


def test_the_reader_of_train_gives_the_same_flows(tmp_path: Path) -> None:
    flows = timed_benign(300, 5.0)
    missing = np.arange(300) % 7 == 0
    attributes = flows.attributes.copy()
    attributes[missing, 2] = 0
    hi = np.where(np.arange(300) % 3 == 0, np.uint64(0x2001_0DB8 << 32), flows.src_hi)
    flows = replace(flows, duration_missing=missing, attributes=attributes, src_hi=hi)
    shuffled = flows.take(np.random.default_rng(0).permutation(300))
    read = as_is(shuffled, tmp_path)
    # in the order of time, whatever that of the file
    for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "attributes", "duration_missing", "time_ms"):
        assert getattr(read, name).tolist() == getattr(flows, name).tolist(), name
    untimed = as_is(replace(shuffled, time_ms=None), tmp_path)
    assert untimed.dst_lo.tolist() == shuffled.dst_lo.tolist()
    assert untimed.time_ms is None


def test_no_label_is_in_the_file(tmp_path: Path) -> None:
    as_is(attack_flows(50), tmp_path)
    assert pq.read_schema(tmp_path / "flows.parquet").names == [
        "IPV4_SRC_ADDR",
        "IPV6_SRC_ADDR",
        "IPV4_DST_ADDR",
        "IPV6_DST_ADDR",
        "IN_BYTES",
        "OUT_BYTES",
        "FLOW_DURATION_MILLISECONDS",
    ]
