from __future__ import annotations

import pyarrow as pa
import pytest

from morpheus_gae.detect.labels import attacks


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([0, 1, None, 2]),
        pa.array([0.0, 1.0, None, 2.0]),
        pa.array(["0", "1", None, "DDoS"]),
        pa.array(["Benign", " dos ", None, "scan"]),
        pa.array([False, True, None, True]),
        pa.array(["Normal", "dos", None, "dos"]).dictionary_encode(),
    ],
)
def test_every_way_to_write_labels(labels: pa.Array) -> None:
    found = attacks(pa.table({"Label": labels}), "Label")
    assert found is not None
    attack, labelled = found
    assert attack.tolist() == [False, True, False, True]
    assert labelled.tolist() == [True, True, False, True]


def test_words_for_nothing_are_no_attacks() -> None:
    found = attacks(pa.table({"Label": ["-", "NaN", "", "None", "dos"]}), "Label")
    assert found is not None
    assert [x.tolist() for x in found] == [[False] * 4 + [True], [False] * 4 + [True]]


def test_no_labels() -> None:
    table = pa.table({"x": [1], "Label": pa.nulls(1)})
    assert attacks(table, "Label") is None
    assert attacks(table, "Attack") is None
