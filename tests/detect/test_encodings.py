from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.detect.alerts import alert_table
from morpheus_gae.detect.encodings import ENCODINGS, encoding
from morpheus_gae.detect.explained import EXPLAINED
from morpheus_gae.errors import UsageError
from morpheus_gae.executors.base import Scores
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.sinks.ndjson import json_lines

ROWS = {
    "FLOW_START_MILLISECONDS": [1_741_593_600_231, 1_741_593_600_231, 1_741_593_601_000],
    "IPV4_SRC_ADDR": ["192.0.2.1", "192.0.2.1", None],
    "IPV4_DST_ADDR": ["198.51.100.7", "198.51.100.7", None],
    "IPV6_SRC_ADDR": [None, None, "2001:DB8::1"],
    "IPV6_DST_ADDR": [None, None, "2001:db8::2"],
    "L4_SRC_PORT": [40000, 40000, None],
    "L4_DST_PORT": [443, 443, None],
    "PROTOCOL": [6, 6, 99],
    "IN_BYTES": [100, 100, 5],
    "OUT_BYTES": [900, 900, 0],
    "FLOW_DURATION_MILLISECONDS": [1500.5, 1500.5, None],
    "note": ['say "hi"', 'say "hi"', None],
}
SURPRISE = np.array([8.0, 10.0, 2.0], np.float32)


def alerts(rows: dict[str, list[Any]] = ROWS) -> pa.Table:
    flows = table_to_flows(pa.table(rows)).flows
    n = len(flows)
    s = SURPRISE[:n]
    scores = Scores(-np.expm1(-s), s, s, np.zeros(n, np.float32))
    return alert_table(flows, scores, np.ones(n, bool), np.float32(1.0), "toy@1")


def written(name: str, table: pa.Table) -> list[dict[str, Any]]:
    return [json.loads(line) for line in json_lines(encoding(name)(table)).splitlines()]


def at(value: Any, path: str) -> Any:
    for key in path.split("/"):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


FACTS = {
    "ecs": {
        "@timestamp": "2025-03-10T08:00:00.231Z",
        "event/kind": "alert",
        "event/category": ["network"],
        "event/end": "2025-03-10T08:00:01.731Z",
        "event/duration": 1_500_500_000,
        "source/ip": "192.0.2.1",
        "destination/port": 443,
        "destination/bytes": 900,
        "network/bytes": 1000,
        "network/transport": "tcp",
        "network/type": "ipv4",
        "network/iana_number": "6",
        "related/ip": ["192.0.2.1", "198.51.100.7"],
        "rule/version": "toy@1",
        "morpheus_gae/record/note": 'say "hi"',
    },
    "ocsf": {
        "class_uid": 2004,
        "type_uid": 200401,
        "time": 1_741_593_600_231,
        "end_time": 1_741_593_601_731,
        "severity_id": 3,
        "finding_info/analytic/type_id": 4,
        "evidences/0/src_endpoint/ip": "192.0.2.1",
        "evidences/0/dst_endpoint/port": 443,
        "evidences/0/connection_info/protocol_num": 6,
        "evidences/0/connection_info/protocol_ver_id": 4,
        "unmapped/record/note": 'say "hi"',
    },
    "eve": {
        "timestamp": "2025-03-10T08:00:00.231Z",
        "event_type": "alert",
        "src_ip": "192.0.2.1",
        "dest_port": 443,
        "proto": "TCP",
        "alert/severity": 2,
        "flow/bytes_toserver": 100,
        "flow/bytes_toclient": 900,
        "flow/age": 1,
        "gae/record/note": 'say "hi"',
    },
}
IDS = {"ecs": "event/id", "ocsf": "finding_info/uid", "eve": "gae/id"}


@pytest.mark.parametrize(
    ("name", "up", "down"),
    [
        ("ecs", "source/bytes", "destination/bytes"),
        ("ocsf", "evidences/0/data/bytes_out", "evidences/0/data/bytes_in"),
        ("eve", "flow/bytes_toserver", "flow/bytes_toclient"),
    ],
)
def test_counters_beyond_63_bits_are_the_most_that_a_field_holds(name: str, up: str, down: str) -> None:
    most = [2**64 - 1] * 3
    rows = {**ROWS, "IN_BYTES": pa.array(most, pa.uint64()), "OUT_BYTES": pa.array(most, pa.uint64())}
    found = written(name, alerts({**rows, "FLOW_DURATION_MILLISECONDS": [1e30, 1.0, None]}))[0]
    assert at(found, up) == at(found, down) == 2**63 - 1024
    if name == "ecs":
        assert at(found, "network/bytes") == 2**63 - 1
        assert at(found, "event/duration") == 2**63 - 1024


@pytest.mark.parametrize("name", FACTS)
def test_what_is_told_where(name: str) -> None:
    first = written(name, alerts())[0]
    assert {path: at(first, path) for path in FACTS[name]} == FACTS[name]


@pytest.mark.parametrize("name", FACTS)
def test_every_id_is_its_own_and_the_same_again(name: str) -> None:
    ids = [at(row, IDS[name]) for row in written(name, alerts())]
    assert len(set(ids)) == 3
    assert ids == [at(row, IDS[name]) for row in written(name, alerts())]


def test_where_a_flow_came_from_tells_it_apart() -> None:
    def ids(offset: int) -> list[str]:
        rows = {**ROWS, "topic": ["t"] * 3, "partition": [0] * 3, "offset": [offset] * 3, "row": [0, 1, 2]}
        return [row["event"]["id"] for row in written("ecs", alerts(rows))]

    assert ids(5) == ids(5)
    assert not set(ids(5)) & set(ids(6))


def test_ipv6_and_values_that_are_not_there() -> None:
    third = written("ecs", alerts())[2]
    assert third["source"] == {"ip": "2001:db8::1", "address": "2001:db8::1", "port": None, "bytes": 5}
    assert third["network"] == {"type": "ipv6", "transport": None, "iana_number": "99", "bytes": 5}
    assert third["event"]["duration"] is None
    assert third["event"]["end"] == third["event"]["start"]
    assert written("eve", alerts())[2]["proto"] == "099"


def test_a_line_of_cef_tells_the_flow() -> None:
    first, _, third = (row["cef"] for row in written("cef", alerts()))
    header, extension = first.split("|Anomalous network flow|6|")
    assert header.startswith("CEF:0|morpheus-gae|morpheus-gae|")
    for told in (
        *("src=192.0.2.1", "dst=198.51.100.7", "spt=40000", "dpt=443", "proto=TCP", "in=100", "out=900"),
        *("start=1741593600231", "end=1741593601731", "cfp2=8", "cs1=toy@1 cs1Label=model"),
    ):
        assert f" {told} " in f" {extension} "
    assert " c6a2=2001:db8::1 c6a2Label=Source IPv6 Address c6a3=2001:db8::2 " in third
    assert "spt" not in third
    assert "src=" not in third


def test_text_of_cef_cannot_begin_another_field() -> None:
    table = alerts().drop_columns(["model"])
    table = table.append_column("model", pa.array(["a=b\\c\nsrc=10.0.0.1"] * 3))
    line = written("cef", table)[0]["cef"]
    assert "cs1=a\\=b\\\\c\\nsrc\\=10.0.0.1 cs1Label" in line


def test_flows_without_a_time_happen_now() -> None:
    rows = {k: v for k, v in ROWS.items() if k != "FLOW_START_MILLISECONDS"}
    before = datetime.datetime.now(datetime.timezone.utc)
    told = datetime.datetime.fromisoformat(
        written("ecs", alerts(rows))[0]["@timestamp"].replace("Z", "+00:00")
    )
    assert abs((told - before).total_seconds()) < 60


@pytest.mark.parametrize("name", ENCODINGS)
def test_no_alerts_give_no_lines(name: str) -> None:
    assert json_lines(encoding(name)(alerts().slice(0, 0))) == b""


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(UsageError, match="plain, ecs, ocsf, eve"):
        encoding("leef")


@pytest.mark.parametrize("name", ENCODINGS)
def test_durations_and_starts_that_no_clock_shows_warn_nobody(name: str) -> None:
    odd = {
        **ROWS,
        "FLOW_DURATION_MILLISECONDS": [1e38, 1e19, 0.0],
        "FLOW_START_MILLISECONDS": [1e300, -1e300, 0.0],
    }
    assert len(written(name, alerts(odd))) == 3


FACT = "412 B up, where at least 96 % of the flows of this pair had 60-90 (8,113 count in memory)"
EXPLAINED_AT = {
    "ecs": ("event/reason", "morpheus_gae/facts/0", "morpheus_gae"),
    "ocsf": ("finding_info/desc", "unmapped/facts/0", "unmapped"),
    "eve": (None, "alert/metadata/facts/0", "gae"),
}


def explained() -> pa.Table:
    told: dict[str, Any] = {name: pa.array([1.5, None, 0.0]) for name in EXPLAINED}
    told["facts"] = pa.array([[FACT, "source not in memory"], [], ["a=b"]], pa.list_(pa.string()))
    table = alerts()
    for name, column in told.items():
        table = table.append_column(name, column)
    return table


@pytest.mark.parametrize("name", EXPLAINED_AT)
def test_what_explains_an_alert_is_told(name: str) -> None:
    reason, fact, home = EXPLAINED_AT[name]
    contribution, percentile = f"{home}/contribution/pair", f"{home}/percentile/all"
    rows = written(name, explained())
    assert at(rows[0], fact) == FACT
    assert at(rows[0], contribution) == at(rows[0], percentile) == 1.5
    assert at(rows[1], contribution) is None
    assert "facts" not in json.dumps([row.get("record", {}) for row in rows])
    if reason is not None:
        assert at(rows[0], reason).endswith(f": {FACT}; source not in memory")
        assert at(rows[1], reason) == at(written(name, alerts())[1], reason)


def test_a_line_of_cef_tells_the_first_facts_in_short() -> None:
    lines = encoding("cef")(explained())["cef"].to_pylist()
    assert f" msg={FACT}; source not in memory cs1=" in lines[0]
    assert " msg=" not in lines[1]
    assert " msg=a\\=b " in lines[2]
    assert all(" msg=" not in line for line in encoding("cef")(alerts())["cef"].to_pylist())
