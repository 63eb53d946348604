"""Files from outside, where they are at hand: real flows, and samples of exporters that are not read yet."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import GaeError
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.columns import IPV4_DST, IPV4_SRC
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.made_files import read

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
WESTERMO = SHARED / "labelled" / "westermo-reduced-bottom.parquet"
SAMPLES = sorted(path for path in (SHARED / "exporters").rglob("*") if path.is_file())


def is_address(text: object) -> bool:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


@pytest.mark.skipif(not WESTERMO.exists(), reason="the Westermo flows are not at hand")
def test_westermo_loses_only_what_has_no_address() -> None:
    flows, bad = read(WESTERMO)
    table = pq.read_table(WESTERMO)
    pairs = zip(table[IPV4_SRC].to_pylist(), table[IPV4_DST].to_pylist(), strict=True)
    wrong = [i for i, (a, b) in enumerate(pairs) if not (is_address(a) and is_address(b))]
    assert len(flows) + len(bad) == table.num_rows
    assert [record.row for record in bad if record.reason is Reason.ADDRESS] == wrong
    assert {record.reason for record in bad} <= {Reason.ADDRESS}
    assert sorted([*flows.rows.tolist(), *wrong]) == list(range(table.num_rows))


@pytest.mark.skipif(not SAMPLES, reason="the samples of exporters are not at hand")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_samples_of_exporters_never_crash(path: Path) -> None:
    refusal = ""
    try:
        for batch in read_flows(str(path)):
            assert len(batch.flows.rows) == len(batch.flows)
    except GaeError as error:
        refusal = str(error)
    assert "\n" not in refusal
