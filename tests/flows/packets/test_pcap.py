from __future__ import annotations

import gzip
import importlib.util
import io
import socket
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from morpheus_gae.errors import InputError, MissingExtraError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.bad import Reason
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.files.interfaces import Switch
from morpheus_gae.flows.packets import pcap
from morpheus_gae.flows.packets.worker import COLUMNS, TEXT
from morpheus_gae.flows.readers.read import read_flows
from tests.flows import made_packets as packets
from tests.flows.made_packets import FLOWS, NANOS, PACKETS, START

installed = pytest.mark.skipif(
    importlib.util.find_spec("nfstream") is None, reason="NFStream is not installed (the extra pcap)"
)

FILES = {
    "little.pcap": packets.pcap(PACKETS),
    "big.cap": packets.pcap(PACKETS, order=">"),
    "nanoseconds.pcap": packets.pcap(PACKETS, magic=NANOS),
    "ng.pcapng": packets.pcapng(PACKETS),
    "big.pcapng": packets.pcapng(PACKETS, order=">"),
    "packed.pcap.gz": gzip.compress(packets.pcap(PACKETS)),
    "by_its_first_bytes": packets.pcap(PACKETS),
    "by_its_first_bytes_too": packets.pcapng(PACKETS),
}


def read(path: Path | str, **told: object) -> list[FlowBatch]:
    return list(read_flows(str(path), **told))  # type: ignore[arg-type]


def rows(batches: list[FlowBatch]) -> list[tuple[object, ...]]:
    names = (
        c.IPV4_SRC,
        c.IPV4_DST,
        c.SRC_PORT,
        c.DST_PORT,
        c.PROTOCOL,
        c.FLOW_START,
        c.IN_BYTES,
        c.OUT_BYTES,
    )
    names = (*names, c.IN_PKTS, c.OUT_PKTS, c.DURATION)
    out = []
    for batch in batches:
        for row in batch.flows.table.to_pylist():
            values = [row[name] for name in names]
            values[5] -= START // 1000
            out.append(tuple(values))
    return out


@installed
@pytest.mark.parametrize("name", FILES)
def test_flows_are_what_was_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    batches = read(path)
    assert rows(batches) == FLOWS
    assert not any(batch.bad for batch in batches)
    assert not any(batch.flows.one_way for batch in batches)
    vlans = [row["vlan_id"] for batch in batches for row in batch.flows.table.to_pylist()]
    assert vlans == [0, 0, 0, 0, 42]


@installed
def test_batches_and_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(FILES["little.pcap"])
    batches = read(path, batch_rows=2)
    assert [len(b.flows) for b in batches if len(b.flows)] == [2, 2, 1]
    assert [row for b in batches for row in b.flows.rows.tolist()] == [0, 1, 2, 3, 4]
    assert sum(b.bytes_read for b in batches) == len(FILES["little.pcap"])


@installed
def test_a_capture_on_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FILES["ng.pcapng"])))
    assert rows(read("-")) == FLOWS


@installed
def test_long_and_interrupted_flows_are_cut(tmp_path: Path) -> None:
    ping = packets.ethernet(packets.ipv4(packets.A, packets.B, 17, packets.udp(1, 2, b"k")))
    idle, active = pcap.IDLE_SECONDS * 1_000_000, pcap.ACTIVE_SECONDS * 1_000_000
    path = tmp_path / "a.pcap"
    path.write_bytes(packets.pcap([(START, ping), (START + idle + 1000, ping)]))
    assert [row[-1] for row in rows(read(path))] == [0, 0]
    every = idle // 2
    path.write_bytes(packets.pcap([(START + i * every, ping) for i in range(active // every + 2)]))
    assert [row[-1] for row in rows(read(path))] == [(active - every) // 1000, every // 1000]


@installed
@pytest.mark.parametrize(("name", "cut"), [("little.pcap", 20), ("ng.pcapng", 20), ("packed.pcap.gz", 12)])
def test_what_can_be_read_of_a_capture_that_breaks_off(tmp_path: Path, name: str, cut: int) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name][:-cut])
    batches = read(path)
    assert rows(batches)[:3] == FLOWS[:3]
    (bad,) = [record for batch in batches for record in batch.bad]
    assert bad.reason is Reason.TRUNCATED
    assert bad.source == str(path)
    assert "break" in bad.detail


@installed
@pytest.mark.parametrize("data", [b"", b"no capture at all\n", packets.pcap([])[:20]])
def test_no_capture(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    (bad,) = [record for batch in read(path) for record in batch.bad]
    assert bad.reason is Reason.TRUNCATED


@installed
def test_a_capture_without_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(packets.pcap([]))
    batches = read(path)
    assert rows(batches) == []
    assert not any(batch.bad for batch in batches)


@installed
def test_damaged_packets_end_no_process(tmp_path: Path) -> None:
    damaged = [
        (time, bytes(255 - b if i % 7 == at % 7 else b for i, b in enumerate(data)))
        for at, (time, data) in enumerate(PACKETS)
    ]
    path = tmp_path / "a.pcap"
    path.write_bytes(packets.pcap(damaged))
    assert not any(record.reason is not Reason.ADDRESS for batch in read(path) for record in batch.bad)


def test_a_link_type_that_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap, "_require_nfstream", lambda: None)
    path = tmp_path / "a.pcap"
    path.write_bytes(packets.pcap(PACKETS, link=276))
    with pytest.raises(InputError, match="link type 276; write it with  tcpdump -y LINUX_SLL"):
        read(path)


def test_nfstream_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = tmp_path / "a.pcap"
    path.write_bytes(FILES["little.pcap"])
    with pytest.raises(MissingExtraError, match=r"pip install 'morpheus-gae\[pcap\]'"):
        read(path)
    with pytest.raises(MissingExtraError, match=r"pip install 'morpheus-gae\[pcap\]'"):
        read("interface:lo")


# what stands in the place of NFStream, and writes one flow
SCRIPT = """
import json, os, signal, sys
told = json.loads(sys.argv[1])
sys.path[:] = told["path"]
import pyarrow as pa
names, texts = {names!r}, {texts!r}
schema = pa.schema([(n, pa.string() if n in texts else pa.int64()) for n in names])
values = [[("10.0.0.1" if n in texts else 7)] for n in names]
out = os.fdopen(1, "wb")
writer = pa.ipc.new_stream(out, schema)
out.flush()
def write():
    writer.write_batch(pa.record_batch([pa.array(v, f.type) for v, f in zip(values, schema)], schema=schema))
    out.flush()
{acts}
"""


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    def put(acts: str) -> None:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(names=COLUMNS, texts=TEXT, acts=acts), encoding="utf-8")
        monkeypatch.setattr(pcap.worker, "__file__", str(script))

    monkeypatch.setattr(pcap, "_require_nfstream", lambda: None)
    monkeypatch.setattr(pcap, "_require_interface", lambda url, name: None)
    return put


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ("write(); os.kill(os.getpid(), signal.SIGSEGV)", "NFStream was ended by SIGSEGV"),
        ("write(); os.write(1, b'\\xff\\xff\\xff\\xff\\x10'); os._exit(9)", "NFStream cannot read it"),
        ("write(); sys.stderr.write('bad\\n  dump\\n'); sys.exit(3)", "NFStream cannot read it: dump"),
    ],
)
def test_a_process_that_dies_costs_the_rest(tmp_path: Path, act, acts: str, said: str) -> None:  # type: ignore[no-untyped-def]
    act(acts)
    path = tmp_path / "a.pcap"
    path.write_bytes(FILES["little.pcap"])
    batches = read(path)
    assert sum(len(batch.flows) for batch in batches) == 1
    (bad,) = [record for batch in batches for record in batch.bad]
    assert (bad.reason, bad.row) == (Reason.TRUNCATED, 1)
    assert said in bad.detail


def test_a_reader_that_stops_early_ends_the_process(tmp_path: Path, act) -> None:  # type: ignore[no-untyped-def]
    act("write(); signal.pause()")
    path = tmp_path / "a.pcap"
    path.write_bytes(FILES["little.pcap"])
    batches = read_flows(str(path))
    while not len(next(batches).flows):
        pass
    batches.close()  # type: ignore[attr-defined]


def test_a_live_capture_gives_what_it_has_when_it_is_ended(act) -> None:  # type: ignore[no-untyped-def]
    act("write(); sys.stdin.read(); write(); writer.close()")
    switch, counts = Switch(), []
    for batch in read_flows("interface:eth0", switch=switch):
        counts.append(len(batch.flows))
        if counts[-1]:
            switch.stop()
    assert counts == [0, 1, 1]


def test_a_live_capture_that_fails(act) -> None:  # type: ignore[no-untyped-def]
    act("sys.stderr.write('it is down'); sys.exit(3)")
    with pytest.raises(InputError, match="interface:eth0: NFStream cannot read it: it is down"):
        read("interface:eth0")


def test_an_interface_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap, "_require_nfstream", lambda: None)
    with pytest.raises(
        InputError, match=r"interface:nowhere0: there is no such interface; there are .*lo.* any"
    ):
        read("interface:nowhere0")


def test_capturing_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(pcap, "_require_nfstream", lambda: None)
    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(
        InputError, match="interface:lo: seeing packets takes root, or the capability CAP_NET_RAW"
    ):
        read("interface:lo")


def _may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except (AttributeError, OSError):
        return False
    return True


@installed
@pytest.mark.skipif(not _may_capture(), reason="seeing packets takes root or CAP_NET_RAW")
def test_what_an_interface_sees() -> None:
    switch, found = Switch(), []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        begun = False
        for batch in read_flows("interface:lo", switch=switch):
            if not begun:
                begun = True
                for _ in range(3):
                    one.sendto(b"x" * 100, other.getsockname())
                other.sendto(b"y" * 10, one.getsockname())
                switch.stop()
            found += [row for row in rows([batch]) if row[2] == one.getsockname()[1]]
        assert [row[:5] for row in found] == [
            ("127.0.0.1", "127.0.0.1", one.getsockname()[1], other.getsockname()[1], 17)
        ]
    assert [row[6:10] for row in found] == [(3 * 128, 38, 3, 1)]


def test_names_of_the_process_are_those_of_the_layout() -> None:
    preset = pcap.NFSTREAM.preset
    names = [name for group in preset.fields.values() for name in group]
    assert {*names, *preset.start, *preset.end, *(name for name, _ in preset.duration)} <= set(COLUMNS)
    assert pa.table({name: [] for name in COLUMNS}).num_rows == 0
