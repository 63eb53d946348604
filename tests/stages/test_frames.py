"""Frames of a host that hold what no table can: rows are set aside, the others go on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import table_to_flows
from tests.flows.rows import numbers, record


@pytest.fixture
def table_of(host: Any) -> Any:
    from morpheus_gae.stages.frames import table_of

    return table_of


def test_half_of_a_surrogate_pair_costs_its_row(table_of: Any) -> None:
    frame = pd.DataFrame([record(i, note="zürich") for i in range(4)])
    frame["note"] = pd.Series(["a", "\ud800", None, "zürich"], dtype=object)
    batch = table_to_flows(table_of(frame))
    assert numbers(batch.flows) == [0, 2, 3]
    assert batch.flows.table.column_names[: len(frame.columns)] == list(frame.columns)
    assert batch.flows.table["note"].to_pylist() == ["a", None, "zürich"]
    assert [(b.row, b.reason) for b in batch.bad] == [(1, Reason.ENCODING)]


def test_a_column_that_mixes_types_is_refused(table_of: Any) -> None:
    frame = pd.DataFrame([record(0), record(1)])
    frame["note"] = pd.Series(["a", 3], dtype=object)
    with pytest.raises(InputError, match="mixes types"):
        table_of(frame)
