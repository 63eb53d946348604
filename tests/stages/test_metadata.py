"""Metadata keys: distinct, one prefix; values survive the host's JSON layer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from morpheus_gae.testing.messages import ControlMessage


@pytest.fixture
def metadata(host: Any) -> Any:
    from morpheus_gae.stages import metadata

    return metadata


def test_keys(metadata: Any) -> None:
    keys = [getattr(metadata, name) for name in metadata.__all__ if name.isupper()]
    assert len({*keys}) == len(keys) == 5
    assert all(key.startswith("morpheus_gae.") for key in keys)


def test_written_values_are_read(metadata: Any) -> None:
    message = ControlMessage()
    assert metadata.read(message, metadata.DONE) is None
    assert metadata.read(message, metadata.WINDOW, "") == ""
    metadata.write(message, metadata.DONE, [["flows", 0, 7]])
    assert metadata.read(message, metadata.DONE) == [["flows", 0, 7]]


def test_integers_survive_json(metadata: Any) -> None:
    assert metadata.integer(json.loads(json.dumps(float(2**40)))) == 2**40
    assert metadata.integer("topic") == "topic"
    assert metadata.integer(None) is None
