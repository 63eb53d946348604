"""Published data sets are read as they were published: names, units, labels, and what is odd in them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.presets.names import NAMES, spelled
from morpheus_gae.flows.payloads.decode import PayloadDecoder
from morpheus_gae.flows.readers.read import read_flows
from tests.flows import datasets as d
from tests.flows.exporters.presets.test_presets import WANTED, cells, written
from tests.flows.samples import IPFIX, ZEEK, A, B, Sample, lines

IDS = [f"{sample.preset} {sample.name}".strip() for sample in d.SAMPLES]


def labels(batches: list[FlowBatch]) -> list[tuple[int | None, str | None]] | None:
    rows = [row for batch in batches for row in batch.flows.table.to_pylist()]
    if not all(c.LABEL in row and c.ATTACK in row for row in rows):
        return None
    return [(row[c.LABEL], row[c.ATTACK]) for row in rows]


@pytest.mark.parametrize("sample", d.SAMPLES, ids=IDS)
@pytest.mark.parametrize("block", [8 << 20, 700])
def test_labels(tmp_path: Path, sample: Sample, block: int) -> None:
    batches = list(read_flows(written(tmp_path, sample), block_bytes=block))
    assert labels(batches) == d.LABELS.get(f"{sample.preset} {sample.name}".strip())


@pytest.mark.parametrize("sample", d.SAMPLES, ids=IDS)
def test_other_line_ends_and_compression(tmp_path: Path, sample: Sample) -> None:
    path = tmp_path / f"flows{sample.suffix}.gz"
    path.write_bytes(gzip.compress(sample.text.replace("\n", "\r\n").encode()))
    batches = list(read_flows(str(path)))
    assert cells(batches) == sample.want
    assert labels(batches) == d.LABELS.get(f"{sample.preset} {sample.name}".strip())
    rows = sum(len(b.flows) + len(b.bad) + b.skipped.total() for b in batches)
    assert rows == len(sample.want) + sample.skipped


@pytest.mark.parametrize("sample", d.SAMPLES, ids=IDS)
def test_messages(sample: Sample) -> None:
    decoder = PayloadDecoder("flows")
    text = sample.text.encode()
    found = decoder.decode([text, text])
    assert found.bad == []
    rows = [tuple(row.get(n) for n in WANTED) for row in found.flows.table.to_pylist()]
    assert rows == [*sample.want, *sample.want]
    assert found.skipped.total() == 2 * sample.skipped
    # again, with all that was learnt
    assert decoder.decode([text]).flows.table.num_rows == len(sample.want)


def test_messages_of_single_records_without_a_header() -> None:
    one, other = d.unsw().encode(), d.unsw("0x000b", ",1").encode()
    found = PayloadDecoder("flows").decode([one, other, one + other, one.rstrip()])
    assert found.bad == []
    assert found.message.tolist() == [0, 1, 2, 2, 3]
    assert found.row.tolist() == [0, 0, 0, 1, 0]
    assert found.flows.table[c.SRC_PORT].to_pylist() == [40000, 11, 40000, 11, 40000]
    record, _ = d.VPC.splitlines()
    assert PayloadDecoder("flows").decode([record.encode()] * 3).message.tolist() == [0, 1, 2]


def test_tables_with_the_names_as_they_are_in_the_files(tmp_path: Path) -> None:
    names, *rows = [line.split(",") for line in d.CIC_2017.splitlines()]
    table = pa.table({name: [row[i] or None for row in rows] for i, name in enumerate(names)})
    path = tmp_path / "Wednesday.parquet"
    pq.write_table(table, path)
    (batch,) = read_flows(str(path))
    assert batch.preset == "cicflowmeter"
    assert batch.flows.attributes.tolist() == [[100, 900, 2250], [100, 900, 0]]
    assert batch.flows.duration_missing.tolist() == [False, True]
    assert (dict(batch.skipped), dict(batch.noted)) == ({"not_a_flow": 1}, {"negative_duration": 1})
    assert labels([batch]) == d.LABELS["cicflowmeter 2017"]


def test_words_in_an_old_encoding_are_read(tmp_path: Path) -> None:
    path = tmp_path / "Thursday.csv"
    path.write_bytes(d.CIC_2017.encode("cp1252"))
    batches = list(read_flows(str(path)))
    assert labels(batches) == d.LABELS["cicflowmeter 2017"]
    assert sum(len(b.bad) for b in batches) == 0


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (
            "Dst Port,Protocol,Timestamp,Flow Duration,TotLen Fwd Pkts,TotLen Bwd Pkts,Label",
            "CSE-CIC-IDS2018",
        ),
        (" Destination Port, Flow Duration,Total Length of Fwd Packets, Label", "MachineLearningCSV"),
        ("id,dur,proto,sbytes,dbytes,sttl,dttl,attack_cat,label", "UNSW-NB15_1.csv"),
    ],
)
def test_files_without_addresses_are_refused_with_what_they_are(
    tmp_path: Path, header: str, told: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n")
    with pytest.raises(InputError, match=f"IPV4_SRC_ADDR or IPV6_SRC_ADDR.*{told}"):
        list(read_flows(str(path)))


def test_a_header_again_is_no_record_wherever_the_blocks_end(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    header = "IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES,FLOW_DURATION_MILLISECONDS\n"
    row = f"{A},{B},1,2,3\n"
    path.write_text(header + row + header + "x,y,1,2,3\n" + header + header + row + header[:-1])
    for block in (8 << 20, 100, 30):
        batches = list(read_flows(str(path), block_bytes=block))
        assert [r for b in batches for r in b.flows.rows.tolist()] == [0, 5]
        assert [(r.row, r.record) for b in batches for r in b.bad] == [(2, "x,y,1,2,3")]
        assert sum(b.skipped["not_a_flow"] for b in batches) == 4


def test_labels_that_are_not_there_are_not_counted() -> None:
    rows = [
        {**ZEEK, "label": label, "detailed-label": kind}
        for label, kind in [
            ("Malicious", "DDoS"), ("malicious", None), ("BENIGN", "-"), (None, None), ("", "-"),
            ("-", "DDoS"),
        ]
    ]  # fmt: skip
    batch = table_to_flows(pa.Table.from_pylist(rows))
    assert batch.preset == "iot23"
    assert labels([batch]) == [
        (1, "DDoS"), (1, "malicious"), (0, "Benign"), (None, None), (None, None), (1, "DDoS"),
    ]  # fmt: skip
    found = labels_of(batch.flows.table)
    assert found.attack.tolist() == [True, True, False, False, False, True]
    assert found.labelled.tolist() == [True, True, True, False, False, True]


@pytest.mark.parametrize(
    ("told", "kinds"),
    [(pa.int64(), [1, 0, None]), (pa.float64(), [1.0, 0.0, float("nan")]), (pa.bool_(), [True, False, None])],
)
def test_labels_of_other_types(told: pa.DataType, kinds: list[object]) -> None:
    table = pa.Table.from_pylist(
        [{**ZEEK, "type": "ddos"}, {**ZEEK, "type": "normal"}, {**ZEEK, "type": "x"}]
    )
    batch = table_to_flows(table.append_column("label", pa.array(kinds, told)))
    assert labels([batch]) == [(1, "ddos"), (0, "Benign"), (1, "x")]


def test_words_stay_words_from_block_to_block(tmp_path: Path) -> None:
    head, one, other = d.CIC_2018.splitlines()[0], *d.CIC_2018.splitlines()[1::2]
    path = tmp_path / "x.csv"
    path.write_text("\n".join([head, *[one, other] * 200]) + "\n")
    batches = list(read_flows(str(path), block_bytes=2000))
    assert len(batches) > 10
    assert labels(batches) == d.LABELS["cicflowmeter 2018"] * 200


def test_ip_bytes_count_where_there_are_some(tmp_path: Path) -> None:
    path = tmp_path / "ton.csv"
    path.write_text(d.TON)
    (batch,) = read_flows(str(path))
    assert batch.flows.attributes[:, :2].tolist() == [[100, 900], [100, 900], [63, 0]]


@pytest.mark.parametrize("name", ["aws-vpc", "aws_vpc", "AWS_VPC", " Aws-Vpc "])
def test_names_of_presets_may_have_dashes_or_underscores(tmp_path: Path, name: str) -> None:
    path = tmp_path / "vpc.log"
    path.write_text(d.VPC)
    assert cells(list(read_flows(str(path), preset=name))) == d.VPC_WANT


def test_names_of_presets_are_spelled_as_they_are_found() -> None:
    assert [spelled(name.upper().replace("-", "_")) for name in NAMES] == list(NAMES)


def test_the_page_lists_the_presets_that_there_are() -> None:
    page = (Path(__file__).parents[4] / "docs" / "exporters.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(NAMES[2:])


def test_a_record_that_only_looks_alike_is_no_shape(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(d.unsw().replace("1700000000", "17"))
    with pytest.raises(InputError, match="required columns are missing"):
        list(read_flows(str(path)))


@pytest.mark.parametrize(
    ("rates", "times"),
    [
        ({"samplingInterval": 100}, 100),
        ({"samplerRandomInterval": 100}, 100),
        ({"samplingPacketInterval": 1, "samplingPacketSpace": 99}, 100),
        ({"samplingPacketInterval": 2, "samplingPacketSpace": 1}, 1.5),
        ({"samplingPacketInterval": 100}, 100),
        ({"samplingInterval": 0}, 1),
        ({"samplingInterval": 1}, 1),
        ({"samplingInterval": None}, 1),
    ],
)
def test_sampling_rates_of_ipfix(rates: dict[str, int | None], times: float) -> None:
    batch = table_to_flows(pa.Table.from_pylist([{**IPFIX, **rates}]))
    assert batch.preset == "ipfix"
    assert batch.flows.attributes[:, :2].tolist() == [[100 * times, 900 * times]]


@pytest.mark.parametrize(("name", "times"), [("sampled", 1), ("sampling_rate", 10)])
def test_sampling_rates_of_nfdump(tmp_path: Path, name: str, times: int) -> None:
    path = tmp_path / "x.csv"
    head, row = (
        "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes",
        f"TCP,{A},1,{B},2,3,400",
    )
    path.write_text(f"{head},{name}\n2023-11-14 22:13:20.500,2.250,{row},{times}\n")
    (batch,) = read_flows(str(path))
    assert (batch.preset, batch.flows.attributes[0, 0]) == ("nfdump", 400 * times)


def test_counters_above_64_bits_in_text_and_messages(tmp_path: Path) -> None:
    sizes = [2**63, 2**64 - 1, 2**64, 2**64 + 61, 500]
    text = lines(*({**ZEEK, "orig_ip_bytes": size} for size in sizes))
    path = tmp_path / "conn.json"
    path.write_text(text)
    (batch,) = read_flows(str(path))
    assert [(b.row, b.reason.value) for b in batch.bad] == [(i, "counter_too_large") for i in (2, 3)]
    assert str(sizes[3]) in batch.bad[1].record
    assert batch.flows.attributes[:, 0].tolist() == [2.0**63, 2.0**64, 500]
    found = PayloadDecoder("flows").decode([line.encode() for line in text.splitlines()])
    assert [(b.message, b.reason.value) for b in found.bad] == [(i, "counter_too_large") for i in (2, 3)]
    whole = text.replace(f": {2**64}", ": 7").replace(f": {2**64 + 61}", ": 7")
    assert PayloadDecoder("flows").decode([line.encode() for line in whole.splitlines()]).bad == []


def test_negative_lengths_of_exporters_are_missing_ones(tmp_path: Path) -> None:
    rows = "2023-11-14 22:13:20.500,2023-11-14 22:13:20.400,{}" + f",{A},{B},1,161,UDP,1,116,1,130\n"
    path = tmp_path / "x.csv"
    path.write_text("ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt,opkt,obyt\n" + rows.format("-0.100") + rows.format(""))
    (batch,) = read_flows(str(path))
    assert batch.bad == []
    assert batch.flows.table[c.DURATION].to_pylist() == [None, None]
    assert dict(batch.noted) == {"negative_duration": 2}
