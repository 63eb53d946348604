"""Columns that were told: files and messages without a header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.mapping import read_map
from morpheus_gae.flows.payloads.decode import PayloadDecoder
from morpheus_gae.flows.readers.read import read_flows
from tests.flows.exporters.test_mapping import decoded, options, written
from tests.flows.made_files import read, record
from tests.flows.samples import BINETFLOW

LINES = "10.0.0.1,40000,x,10.0.0.2,443,6,100,900,250\n10.0.0.3,40001,y,10.0.0.2,443,6,1,2,\n"
COLUMNS = "s,sp,_,d,dp,pr,i,o,t"
TOLD = options(
    {
        c.IPV4_SRC: "s",
        c.SRC_PORT: "sp",
        c.IPV4_DST: "d",
        c.DST_PORT: "dp",
        c.PROTOCOL: "pr",
        c.IN_BYTES: "i",
        c.OUT_BYTES: "o",
        c.DURATION: "t",
    }
)


@pytest.mark.parametrize("mark", [",", "\t", ";", "|", " "])
@pytest.mark.parametrize("block", [60, 1 << 20])
def test_a_file_without_a_header(tmp_path: Path, mark: str, block: int) -> None:
    text = "# made today\n\n" + LINES.replace(",", mark) * 20
    path = written(tmp_path, text, "f.csv")
    flows, bad = read(path, preset=read_map(TOLD, COLUMNS), block_bytes=block)
    assert bad == []
    assert flows.attributes.tolist() == [[100, 900, 250], [1, 2, 0]] * 20
    assert flows.duration_missing.tolist() == [False, True] * 20
    assert flows.rows.tolist() == list(range(40))
    assert flows.table.column_names[:8] == ["s", "sp", "d", "dp", "pr", "i", "o", "t"]


def test_a_header_after_all_is_no_record(tmp_path: Path) -> None:
    header = "s,sp,whatever,d,dp,pr,i,o,t\n"
    flows, bad = read(written(tmp_path, header + LINES, "f.csv"), preset=read_map(TOLD, COLUMNS))
    assert (len(flows), bad) == (2, [])


def test_columns_alone_are_looked_up_as_a_header_would_be(tmp_path: Path) -> None:
    names = ",".join(record(0))
    text = "".join(",".join(map(str, record(i).values())) + "\n" for i in range(5))
    flows, _ = read(written(tmp_path, text, "f.csv"), preset=read_map((), names))
    assert flows.attributes[:, 0].tolist() == [100, 101, 102, 103, 104]
    assert not flows.one_way


def test_columns_name_those_of_a_preset(tmp_path: Path) -> None:
    header, _, body = BINETFLOW.partition("\n")
    want, _ = read(written(tmp_path, BINETFLOW, "want.csv"))
    for base in (None, "argus"):
        path = written(tmp_path, body, "f.csv")
        (batch,) = read_flows(str(path), preset=read_map((), header, base))
        assert batch.preset == (base or "ctu13")
        np.testing.assert_array_equal(batch.flows.attributes, want.attributes)


def test_lines_of_other_lengths_are_bad_records_and_none_that_fits_is_an_error(tmp_path: Path) -> None:
    told = read_map(TOLD, COLUMNS)
    flows, bad = read(written(tmp_path, "one,two\n" + LINES, "f.csv"), preset=told)
    assert (len(flows), [record.row for record in bad]) == (2, [0])
    with pytest.raises(InputError, match=r"--columns names 9 columns, and the first line has 2: one,two"):
        read(written(tmp_path, "one,two\n" * 3, "f.csv"), preset=told)


def test_a_file_of_nothing_but_comments_has_no_flows(tmp_path: Path) -> None:
    path = written(tmp_path, "\n# nothing\n", "f.csv")
    assert sum(len(batch.flows) for batch in read_flows(str(path), preset=read_map(TOLD, COLUMNS))) == 0


@pytest.mark.parametrize(
    ("columns", "told"), [("", "names no column"), ("_,,_", "names no column"), ("a,b,a", "names a twice")]
)
def test_columns_that_cannot_be_understood(columns: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_map((), columns)


def test_messages_without_headers() -> None:
    """Each begins as something else would: a number, a field of protobuf."""
    values = [b"2.0.0.1,40000,x,10.0.0.2,443,6,1,900,250", LINES.encode(), b"oops,1", b"#\n" + LINES.encode()]
    flows, at, bad = decoded(values, read_map(TOLD, COLUMNS))
    assert [row[0] for row in flows] == [1, 100, 1, 100, 1]
    assert at == [(0, 0), (1, 0), (1, 1), (3, 0), (3, 1)]
    assert bad == [(2, 0, b"oops,1")]
    decoder = PayloadDecoder("topic", read_map(TOLD, COLUMNS))
    for _ in range(3):
        out = decoder.decode([LINES.encode()] * 3)
        assert out.message.tolist() == [0, 0, 1, 1, 2, 2]


def test_messages_of_a_preset_without_headers() -> None:
    """Two that begin with the same line lose none."""
    line = b"2 1 eni-1 10.0.0.1 10.0.0.2 40000 443 6 5 100 1700000000 1700000060 ACCEPT OK"
    decoder = PayloadDecoder("topic", "aws-vpc")
    for _ in range(2):
        out = decoder._decoders["csv"].decode([line + b"\n" + line])
        assert [(part.message.tolist(), part.row.tolist()) for part in out] == [([0, 0], [0, 1])]
