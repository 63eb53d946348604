"""Junk in any field of any exporter's records: nothing raises, every record is counted, the others stay."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.readers.read import read_flows
from tests.flows.exporters.presets.test_presets import WANTED
from tests.flows.samples import SAMPLES, Sample

JUNK: list[Any] = [
    *(
        None,
        "",
        "-",
        "x",
        "0",
        " 7 ",
        -1,
        0,
        1,
        1.5,
        -2.5,
        1e300,
        2**63,
        2**64,
        -(2**63),
        True,
        [],
        [1],
        ["a"],
        {},
    ),
    *(
        {"a": 1},
        "NaN",
        "٣",
        "0x10",
        "1e400",
        "2023-11-14 22:13:20",
        "192.0.2.7",
        "\u0000",
        "<-",
        "purge_init",
    ),
]
JSONS = [s for s in SAMPLES if s.suffix == ".json" and s.preset != "azure"]
LINES = [s for s in SAMPLES if s.suffix != ".json"]


def leaves(record: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    out = []
    for name, value in record.items():
        out.append((*at, name))
        if isinstance(value, dict):
            out += leaves(value, (*at, name))
    return out


def changed(record: dict[str, Any], at: tuple[str, ...], value: Any) -> dict[str, Any]:
    out = copy.deepcopy(record)
    inner = out
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return out


def counted(
    folder: str, sample: Sample, text: str, block: int
) -> tuple[dict[int, tuple[Any, ...]], int, int]:
    """Cells of the flows by row; bad records; records left out."""
    path = Path(folder) / f"flows{sample.suffix}"
    path.write_text(text, encoding="utf-8")
    batches = list(read_flows(str(path), block_bytes=block, preset=sample.preset))
    rows = {
        int(n): tuple(row.get(name) for name in WANTED)
        for batch in batches
        for n, row in zip(batch.flows.rows, batch.flows.table.to_pylist(), strict=True)
    }
    return rows, sum(len(b.bad) for b in batches), sum(b.skipped.total() for b in batches)


@settings(deadline=None, max_examples=120)
@given(st.data(), st.sampled_from(JSONS), st.sampled_from([300, 8 << 20]))
def test_json(data: st.DataObject, sample: Sample, block: int) -> None:
    records = [json.loads(line) for line in sample.text.splitlines()]
    fields = {at for record in records for at in leaves(record)}
    odd = []
    for _ in range(data.draw(st.integers(1, 5))):
        record = data.draw(st.sampled_from(records))
        at = data.draw(st.sampled_from(sorted(fields.intersection(leaves(record)))))
        odd.append(changed(record, at, data.draw(st.sampled_from(JUNK))))
    given_ = [*records, *odd, *records]
    text = "".join(json.dumps(record) + "\n" for record in given_)
    with tempfile.TemporaryDirectory() as folder:
        clean, _, _ = counted(folder, sample, "".join(json.dumps(r) + "\n" for r in records), block)
        rows, bad, skipped = counted(folder, sample, text, block)
    assert len(rows) + bad + skipped == len(given_)
    for n, cells in clean.items():
        assert same(rows[n], cells)
        assert same(rows[n + len(records) + len(odd)], cells)


@settings(deadline=None, max_examples=80)
@given(st.data(), st.sampled_from(LINES), st.sampled_from([100, 8 << 20]))
def test_text(data: st.DataObject, sample: Sample, block: int) -> None:
    text = sample.text.partition("Summary")[0]
    lines = text.splitlines()
    first = 1 + max(
        (i for i, line in enumerate(lines) if line.startswith("#") and i < len(lines) - 1), default=0
    )
    mark = max(",\t ", key=lines[first].count)
    odd = []
    for _ in range(data.draw(st.integers(1, 4))):
        cells = data.draw(st.sampled_from(lines[first : first + 1])).split(mark)
        at = data.draw(st.integers(0, len(cells) - 1))
        cells[at] = str(data.draw(st.sampled_from(["", "-", "x", "-1", "1.5", "1e300", "nan", "0x10", "٣"])))
        odd.append(mark.join(cells))
    body = [line for line in lines[first:] if not line.startswith("#")]
    with tempfile.TemporaryDirectory() as folder:
        clean, _, _ = counted(folder, sample, text, block)
        rows, bad, skipped = counted(
            folder, sample, "\n".join([*lines[:first], *body, *odd, *body]) + "\n", block
        )
    assert len(rows) + bad + skipped == 2 * len(body) + len(odd)
    for n, told in clean.items():
        assert same(rows[n], told)
        assert same(rows[n + len(body) + len(odd)], told)


def same(found: tuple[Any, ...], given_: tuple[Any, ...]) -> bool:
    """Equal, or the text of it, where a neighbour made the column of ports or protocols something else."""
    return all(a == b or str(a) == str(b) for a, b in zip(found, given_, strict=True))


@pytest.mark.parametrize(
    "word", ["{}", "[]", "null", '{"records": []}', '{"records": [{}]}', '{"records": 5}']
)
def test_azure(tmp_path: Path, word: str) -> None:
    sample = next(s for s in SAMPLES if s.preset == "azure")
    path = tmp_path / "blob.json"
    path.write_text(sample.text + word + "\n" + sample.text)
    batches = list(read_flows(str(path)))
    assert sum(len(b.flows) for b in batches) == 2 * len(sample.want)
