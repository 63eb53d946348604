"""The index templates in docker/elastic hold every field of a document, in a type that takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.detect.test_encodings import explained, written
from tests.incidents.test_encodings import written as incidents

FOLDER = Path(__file__).resolve().parents[3] / "docker" / "elastic"
TEMPLATES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
# an object whose fields nobody knows, as one field
WHOLE = {"elasticsearch": "flattened", "opensearch": "flat_object"}
TAKES = {
    "keyword": str,
    "text": str,
    "date": str,
    "ip": str,
    "long": int,
    "boolean": bool,
    "float": (int, float),
    "double": (int, float),
    **dict.fromkeys(WHOLE.values(), dict),
}


def mapped(properties: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, told in properties.items():
        if "properties" in told:
            yield from mapped(told["properties"], f"{path}{name}.")
        else:
            yield f"{path}{name}", told["type"]


def leaves(document: dict[str, Any], whole: set[str], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict) and f"{path}{name}" not in whole:
            yield from leaves(value, whole, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


@pytest.mark.parametrize("server", ["elasticsearch", "opensearch"])
def test_every_field_has_a_type_that_takes_it(server: str) -> None:
    types = dict(mapped(TEMPLATES[server]["template"]["mappings"]["properties"]))
    whole = {name for name, kind in types.items() if kind == WHOLE[server]}
    assert whole == {"morpheus_gae.record"}
    seen = set()
    for document in written("ecs", explained()):
        for name, value in leaves(document, whole):
            for one in value if isinstance(value, list) else [value]:
                assert one is None or isinstance(one, TAKES[types[name]]), (name, types[name], one)
            seen.add(name)
    assert seen == set(types)


def test_every_field_of_an_incident_has_a_type_that_takes_it() -> None:
    told = TEMPLATES["incidents"]
    assert told["index_patterns"] == ["morpheus_gae-incidents*"]
    assert "data_stream" not in told
    types = dict(mapped(told["template"]["mappings"]["properties"]))
    seen = set()
    for document in incidents("ecs"):
        for name, value in leaves(document, set()):
            for one in value if isinstance(value, list) else [value]:
                assert one is None or isinstance(one, TAKES[types[name]]), (name, types[name], one)
            seen.add(name)
    assert seen == set(types)


def test_the_two_differ_only_where_the_servers_do() -> None:
    texts = [(FOLDER / f"{name}.json").read_text().replace(kind, "?") for name, kind in WHOLE.items()]
    assert texts[0] == texts[1]
    assert TEMPLATES["opensearch"]["index_patterns"] == ["logs-morpheus_gae.*"]
