from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from morpheus_gae.detect.encodings import encoding as of_alerts
from morpheus_gae.errors import UsageError
from morpheus_gae.incidents import kinds
from morpheus_gae.incidents.encodings import INCIDENT_ENCODINGS, encode
from morpheus_gae.incidents.eve import SIGNATURES
from morpheus_gae.incidents.fold import Change, Fold
from morpheus_gae.incidents.records import table
from morpheus_gae.sinks.ndjson import json_lines

from .make import START, Row, alerts, host

A, B, OUT = host(1), host(2), host(7, inside=False)
SCAN: list[Row] = [(i, A, host(10 + i), 445, 60, 40, 8.0 + i / 100) for i in range(12)]
ONE: list[Row] = [(3.0, A, B, 8443, 500, 900, 30.0)]
# written down by the framework itself, with nothing that it does not know allowed
SCHEMA = json.loads(
    (Path(__file__).parents[1] / "fixtures/schemas/ocsf-1.1.0-detection-finding.json").read_text()
)


def changes(times: bool = True) -> list[Change]:
    """A scan and a new service: opened, added to, closed."""
    fold = Fold()
    when = START if times else None
    opened = fold.add(alerts([*SCAN, *ONE], times), 1000, when, when)
    return [*opened, *fold.add(alerts(SCAN, times), 1000, when, when), *fold.finish()]


def written(name: str, found: list[Change] | None = None) -> list[dict[str, Any]]:
    rows = json_lines(encode(changes() if found is None else found, "toy@1", name))
    return [json.loads(line) for line in rows.splitlines()]


def without_nulls(value: Any) -> Any:
    """A null says that an attribute is not there."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("times", [True, False])
def test_findings_are_as_the_published_schema_says(times: bool) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    found = written("ocsf", changes(times))
    assert len(found) == 5
    for row in found:
        jsonschema.validate(without_nulls(row), SCHEMA)
    for line in json_lines(of_alerts("ocsf")(alerts(ONE))).splitlines():
        jsonschema.validate(without_nulls(json.loads(line)), SCHEMA)


def test_a_count_that_32_bits_do_not_hold_is_the_most_they_do() -> None:
    found = changes()[:1]
    found[0].incident.flows = 3_000_000_000
    assert written("ocsf", found)[0]["count"] == 2**31 - 1
    assert written("plain", found)[0]["flows"] == 3_000_000_000


def test_the_schema_refuses_what_it_does_not_know() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    row = without_nulls(written("ocsf")[0])
    for broken in ({**row, "verdict": "bad"}, {k: v for k, v in row.items() if k != "severity_id"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)


def test_a_finding_is_created_updated_and_closed() -> None:
    found = written("ocsf")
    assert [row["type_uid"] for row in found] == [200401, 200401, 200402, 200403, 200403]
    scan = [row for row in found if row["finding_info"]["title"] == "horizontal scan"]
    assert [row["activity_name"] for row in scan] == ["Create", "Update", "Close"]
    assert [row["status"] for row in scan] == ["New", "New", "Ended"]
    assert len({row["finding_info"]["uid"] for row in scan}) == 1
    first = scan[0]
    assert first["finding_info"]["attacks"] == [
        {
            "tactic": {"name": "Discovery", "uid": "TA0007"},
            "technique": {"name": "Network Service Discovery", "uid": "T1046"},
        }
    ]
    assert first["count"] == 24
    assert len(first["finding_info"]["related_events"]) == 12
    assert {o["value"] for o in first["observables"]} == {A, *(host(10 + i) for i in range(10))}
    new = next(row for row in found if row["finding_info"]["title"] == "new service")
    assert new["finding_info"]["attacks"] is None
    assert new["severity"] == "Critical"
    assert new["evidences"][0]["dst_endpoint"] == {"ip": B, "port": 8443}


def test_documents_of_elastic() -> None:
    scan = [row for row in written("ecs") if row["rule"]["name"] == "horizontal scan"]
    assert [row["event"]["type"] for row in scan] == [["start"], ["info"], ["end"]]
    assert [row["event"]["action"] for row in scan] == [
        f"incident-{state}" for state in ("open", "updated", "closed")
    ]
    first = scan[0]
    assert first["threat"] == {
        "framework": "MITRE ATT&CK",
        "tactic": {"id": ["TA0007"], "name": ["Discovery"]},
        "technique": {"id": ["T1046"], "name": ["Network Service Discovery"]},
    }
    assert first["source"]["ip"] == A
    assert first["destination"]["ip"] is None
    assert first["destination"]["port"] == 445
    assert first["network"] == {"transport": "tcp", "iana_number": "6", "bytes": 2400}
    assert first["morpheus_gae"]["incident"]["target_count"] == 12
    assert first["event"]["start"] == "2025-03-10T08:00:00.000Z"


def test_events_of_suricata() -> None:
    scan = next(row for row in written("eve") if row["alert"]["category"] == "horizontal scan")
    assert (scan["event_type"], scan["proto"], scan["src_ip"], scan["dest_port"]) == ("alert", "TCP", A, 445)
    assert scan["alert"]["metadata"]["mitre_technique_id"] == ["T1046"]
    assert scan["alert"]["signature"] == "GAE incident: horizontal scan"
    assert scan["flow"]["bytes_toserver"] == 1440
    assert 0 <= scan["flow_id"] < 1 << 53


def test_facts_are_in_every_encoding_where_its_readers_look() -> None:
    plain, ecs, ocsf, eve = (written(name) for name in INCIDENT_ENCODINGS)
    for record, document, finding, event in zip(plain, ecs, ocsf, eve, strict=True):
        facts = record["facts"]
        assert len(facts) > 1
        reason = f"{record['summary']}. {'; '.join(facts)}"
        assert document["event"]["reason"] == finding["finding_info"]["desc"] == reason
        assert document["message"] == finding["message"] == record["summary"]
        for told in (document["morpheus_gae"]["incident"], finding["unmapped"], event["gae"]["incident"]):
            assert told["facts"] == facts


def test_every_kind_has_its_signature() -> None:
    names = {kind.name for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)}
    assert names <= set(SIGNATURES)
    assert len(set(SIGNATURES)) == len(SIGNATURES)


def test_plain_is_the_record() -> None:
    assert encode(changes(), "toy@1", "plain").equals(table(changes(), "toy@1"))


@pytest.mark.parametrize("name", INCIDENT_ENCODINGS)
def test_columns_do_not_depend_on_the_incidents(name: str) -> None:
    new = [c for c in changes() if len(c.incident.targets) == 1]
    schemas = [encode(found, "toy@1", name).schema for found in (changes(), new, [], changes(times=False))]
    assert all(schema.equals(schemas[0]) for schema in schemas)
    assert encode([], "toy@1", name).num_rows == 0


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(UsageError, match="plain, ecs, ocsf, eve"):
        encode([], "toy@1", "cef")


@pytest.mark.parametrize("name", INCIDENT_ENCODINGS)
def test_services_without_port_or_protocol(name: str) -> None:
    rows = alerts(SCAN).drop_columns(["PROTOCOL", "L4_DST_PORT", "L4_SRC_PORT"])
    fold = Fold()
    found = fold.add(rows, 1000, START, START)
    assert isinstance(encode(found, "toy@1", name), pa.Table)
    assert len(written(name, found)) == 1
