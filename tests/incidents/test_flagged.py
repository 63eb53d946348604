from __future__ import annotations

import pyarrow as pa
import pytest

from morpheus_gae.detect.alert_fields import AlertFields
from morpheus_gae.incidents.flagged import NO_PORT, Flagged

from .make import alerts, host

ROWS = [(float(i), host(i % 3), host(9 + i), 443, 1000 + i, 40, 8.0) for i in range(6)]
BYTES = [0, 5, -3, 1 << 62, None, 7]
PORTS = [22, None, -1, 65_535, 65_536, 1 << 31]


def columns(text: bool) -> pa.Table:
    """Alerts with values that are missing, negative or too large, as numbers or as text."""
    table, kind = alerts(ROWS), pa.string() if text else pa.int64()
    for name, values in (("IN_BYTES", BYTES), ("L4_DST_PORT", PORTS), ("PROTOCOL", PORTS)):
        column = pa.chunked_array([pa.array(values, pa.int64()).cast(kind)])
        table = table.set_column(table.column_names.index(name), name, column)
    return table


@pytest.mark.parametrize("text", [False, True])
def test_flagged_flows_have_the_fields_of_their_alerts(text: bool) -> None:
    table = columns(text)
    flows, fields = Flagged.of(table), AlertFields.of(table)
    assert flows.ids.tolist() == fields.id.to_pylist()
    assert flows.hosts[flows.src].tolist() == fields.src.to_pylist()
    assert flows.hosts[flows.dst].tolist() == fields.dst.to_pylist()
    assert flows.start.tolist() == fields.start_ms.tolist()
    assert flows.end.tolist() == fields.end_ms.tolist()
    assert flows.surprise.tolist() == fields.surprise.to_pylist()
    assert flows.up.tolist() == [0.0, 5.0, 0.0, float(1 << 62), 0.0, 7.0]
    known = [22, NO_PORT, NO_PORT, 65_535, NO_PORT, NO_PORT]
    assert (flows.port.tolist(), flows.protocol.tolist()) == (known, known)


def test_without_times_none_are_told() -> None:
    flows = Flagged.of(alerts(ROWS, times=False))
    assert not flows.timed.any()
    assert not flows.start.any()
    assert not flows.end.any()
