from __future__ import annotations

import json
from pathlib import Path

import pytest

from morpheus_gae.errors import OutputError
from morpheus_gae.flows.bad import BadRecord, Reason
from morpheus_gae.sinks.dead_letters import MAX_TEXT, DeadLetters

BAD = [
    BadRecord(Reason.ADDRESS, "a.csv", 3, "IPV4_SRC_ADDR='x'", 'x,"y"\n\ufffd\ud800'),
    BadRecord(Reason.BROKEN_JSON, "-", 0, "", "{" * 200_000),
    BadRecord(Reason.ADDRESS, "a.csv", 9, "", ""),
]


def test_records_are_kept_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    letters = DeadLetters(str(path))
    letters.add([])
    assert not path.exists()
    letters.add(BAD[:2])
    assert len(path.read_bytes().splitlines()) == 2
    letters.add(BAD[2:])
    letters.close()
    letters.close()
    got = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(g["reason"], g["source"], g["row"]) for g in got] == [
        (b.reason.value, b.source, b.row) for b in BAD
    ]
    assert [g["record"] for g in got] == [b.record[:MAX_TEXT] for b in BAD]
    assert letters.counts == {"unparsable_address": 2, "broken_json": 1}


def test_without_a_file_they_are_counted() -> None:
    letters = DeadLetters()
    letters.add(BAD)
    letters.close()
    assert dict(letters.counts) == {"unparsable_address": 2, "broken_json": 1}


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    letters = DeadLetters(str(tmp_path / "no" / "bad.ndjson"))
    with pytest.raises(OutputError, match=r"bad\.ndjson \(dead letters\) cannot be written"):
        letters.add(BAD)
