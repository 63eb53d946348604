from __future__ import annotations

import json

import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.records import records_of
from morpheus_gae.sinks.together import sent_of, together
from tests.incidents.test_encodings import changes, written


@pytest.mark.parametrize("form", ["plain", "ecs", "ocsf", "eve"])
def test_incidents_are_sent_in_a_form_and_told_of_by_another(form: str) -> None:
    found = changes()
    rows = together(form)(found, "toy@1")
    records = records_of(rows, sent_of)
    assert [json.loads(record.body) for record in records] == written(form, found)
    assert [record.id for record in records] == [change.incident.id for change in found]
    assert [record.state for record in records] == [change.state for change in found]
    assert {record.kind for record in records} == {"incident"}
    # a part of the rows, as when a window has many
    assert records_of(rows.slice(1, 2), sent_of) == records[1:3]


def test_an_unknown_form_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UsageError, match="incidents have no encoding 'cef'"):
        together("cef")
