from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import ArtifactError, UsageError
from morpheus_gae.flows.exporters.enriched import ABSENT, MISSING
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.model.enriched import (
    COLUMNS,
    KINDS,
    codes_of,
    fit_codes,
    fit_enriched,
    flat_table,
    told_missing,
)
from morpheus_gae.model.spec import PRESETS, ModelSpec, enriched
from tests.model.make import SPECS, edit_tensors, sound

VALUES = st.lists(st.integers(-1, 2**31 - 1), min_size=1, max_size=80)


@given(VALUES, VALUES, st.sampled_from(sorted(set(KINDS))))
def test_every_value_has_a_code(known: list[int], other: list[int], kind: str) -> None:
    codes = fit_codes(np.array(known, np.int32), kind)
    out = codes_of(np.array([*known, *other, MISSING, ABSENT], np.int32), codes)
    assert out[-1] == ABSENT
    assert (out[:-1] >= 0).all()
    assert out.max() < codes.codes
    assert out[-2] == 0
    if max(known) >= 0:
        # missing is a code of its own
        assert (out[: len(known)][np.array(known) >= 0] > 0).all()


def test_frequent_values_have_codes_of_their_own_and_others_share() -> None:
    ports = np.repeat(np.array([53, 443, 80], np.int32), [500, 300, 200])
    codes = fit_codes(ports, "category")
    own = codes_of(np.array([53, 80, 443], np.int32), codes).tolist()
    assert len(set(own)) == 3
    rare = codes_of(np.array([52, 54, 1023, 1024, 8080, 40000, 65535], np.int32), codes).tolist()
    assert rare == [1, 1, 1, 2, 2, 3, 3]
    assert not set(rare) & set(own)


def test_a_column_that_training_had_not_says_nothing() -> None:
    values = np.full((50, COLUMNS), ABSENT, np.int32)
    values[:, 1] = 6
    groups = (np.zeros(3, np.int32), np.zeros(3, np.int32))
    known = fit_enriched(values, groups)
    tables = [np.zeros((g, n, 2), np.float32) for g, n in known.layout.shapes]
    table = flat_table(tables, 1e-3)
    assert table.shape[0] == known.layout.rows
    told = np.full((1, COLUMNS), 7, np.int32)
    rows = known.rows(told, np.zeros((1, 2), np.int64))
    told_by = table[rows[0]]
    np.testing.assert_allclose(np.delete(told_by, 1, 0), 1.0, rtol=1e-6)
    assert (told_by[1] < 1).all()
    assert (known.rows(np.full((1, COLUMNS), ABSENT, np.int32), np.zeros((1, 2), np.int64)) == 0).all()


def test_rows_of_packets_hang_on_the_bytes(tmp_path) -> None:
    groups = (np.array([0, 1, 2]), np.array([0, 0, 1]))
    values = np.full((60, COLUMNS), 5, np.int32)
    known = fit_enriched(values, groups)
    rows = known.rows(values[:3], np.array([[0, 0], [1, 1], [2, 2]]))
    assert np.unique(rows[:, 2]).size == 3
    assert np.unique(rows[:, 3]).size == 2
    assert np.unique(np.delete(rows, (2, 3), 1), axis=0).shape[0] == 1
    assert rows.max() < known.layout.rows


def test_old_hashes_stay_and_a_spec_without_flow_types_is_refused() -> None:
    assert "enriched" not in PRESETS["default"].as_dict()
    spec = enriched(PRESETS["default"])
    assert ModelSpec.from_dict(spec.as_dict()) == spec
    with pytest.raises(UsageError, match="flow types"):
        enriched(PRESETS["published"])


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("extra.code0", np.array([0, 1, 9, 2]), "extra.code0 must hold codes"),
        ("extra.code0", np.array([0, 1, -1, 2]), "extra.code0 must hold codes"),
        ("extra.code0", np.array([1, 1, 1, 2]), "extra.code0 must hold codes"),
        ("extra.code0", np.array([0, 1, 1, 1]), "extra.code0 must hold codes"),
        ("extra.edges3", np.array([0, 7, 7]), "extra.edges3 must ascend from 0"),
        ("extra.edges3", np.array([1, 7, 9]), "extra.edges3 must ascend from 0"),
        ("extra.edges3", np.array([0, 7]), "do not make the 4 bins"),
        ("net.table6", np.zeros((3, 3, 5)), "does not fit the 2 groups0"),
    ],
)
def test_values_that_a_kernel_would_follow_out_of_a_table_are_refused(tmp_path, name, change, words) -> None:
    sound(tmp_path / "m", SPECS["enriched"])
    kind = np.float32 if name.startswith("net") else np.int32
    edit_tensors(tmp_path / "m", lambda t: {**t, name: change.astype(kind)})
    with pytest.raises(ArtifactError, match=words):
        load_artifact(tmp_path / "m")


def test_what_is_missing_is_told_by_name(tmp_path) -> None:
    import pyarrow as pa

    tensors = sound(tmp_path / "m", SPECS["enriched"]).tensors
    line = told_missing(tensors, pa.table({"PROTOCOL": [6], "IN_PKTS": [1]}))
    assert line is not None
    assert "server port" in line
    assert "protocol," not in line
    unread = {**tensors, **{f"extra.code{i}": np.zeros(4, np.int32) for i in range(COLUMNS)}}
    assert told_missing(unread, pa.table({"row": [1]})) is None
