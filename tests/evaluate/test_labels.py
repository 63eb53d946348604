from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.labels import join, labels_of


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 1, 1], pa.int64()),
        pa.array([0, 1, 1], pa.int8()),
        pa.array([0.0, 1.0, 1.0]),
        pa.array([False, True, True]),
        pa.array(["0", "1", "1"]),
    ],
)
def test_label_of_any_type(column: pa.Array) -> None:
    labels = labels_of(pa.table({"Label": column}))
    assert labels.attack.tolist() == [False, True, True]
    assert labels.labelled.all()
    assert labels.kinds == ()


@pytest.mark.parametrize("dictionary", [False, True])
def test_attack_alone_is_enough(dictionary: bool) -> None:
    column = pa.array(["Benign", "DoS", "scan", "DoS"])
    labels = labels_of(pa.table({"Attack": column.dictionary_encode() if dictionary else column}))
    assert labels.attack.tolist() == [False, True, True, True]
    assert [labels.kinds[k] if k >= 0 else None for k in labels.kind] == [None, "DoS", "scan", "DoS"]


def test_label_decides_and_attack_names() -> None:
    table = pa.table({"Label": [0, 1, 1, None], "Attack": ["odd", None, "DoS", "DoS"]})
    labels = labels_of(table)
    assert labels.attack.tolist() == [False, True, True, False]
    assert labels.labelled.tolist() == [True, True, True, False]
    assert labels.kinds == ("unnamed", "DoS")
    assert labels.kind.tolist() == [-1, 0, 1, -1]


def test_null_labels_leave_the_word_to_attack() -> None:
    labels = labels_of(pa.table({"Label": pa.nulls(2, pa.int8()), "Attack": ["Benign", "DoS"]}))
    assert labels.attack.tolist() == [False, True]


def test_no_label_column_lists_what_was_found() -> None:
    with pytest.raises(InputError, match=r"Label .* found IN_BYTES, label$"):
        labels_of(pa.table({"IN_BYTES": [1], "label": [1]}))


def test_join_numbers_classes_once() -> None:
    parts = [
        labels_of(pa.table({"Attack": ["DoS", "Benign", "scan"]})),
        labels_of(pa.table({"Attack": pa.array([], pa.string())})),
        labels_of(pa.table({"Attack": ["scan", "DoS", "Benign"]})),
    ]
    whole = join(parts)
    assert whole.kinds == ("DoS", "scan")
    assert whole.kind.tolist() == [0, -1, 1, 1, 0, -1]
    assert len(whole) == 6


def test_join_of_nothing_labelled() -> None:
    with pytest.raises(InputError, match="no flow has a label"):
        join([labels_of(pa.table({"Label": pa.nulls(3, pa.int8())}))])


def test_chunked_dictionaries() -> None:
    a, b = (pa.array(x).dictionary_encode() for x in (["Benign", "x"], ["y", "Benign"]))
    labels = labels_of(pa.table({"Attack": pa.chunked_array([a, b])}))
    assert np.array(labels.kinds)[labels.kind[labels.attack]].tolist() == ["x", "y"]
