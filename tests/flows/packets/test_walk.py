from __future__ import annotations

from pathlib import Path

import pytest

from morpheus_gae.flows.files.stream import TruncatedError
from morpheus_gae.flows.packets.walk import walk
from tests.flows.made_packets import MICROS, NANOS, PACKETS, pcap, pcapng

FILES = {
    "little": pcap(PACKETS),
    "big": pcap(PACKETS, order=">"),
    "nanoseconds": pcap(PACKETS, magic=NANOS),
    "big nanoseconds": pcap(PACKETS, order=">", magic=NANOS),
    "ng": pcapng(PACKETS),
    "big ng": pcapng(PACKETS, order=">"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "capture"


@pytest.mark.parametrize("name", FILES)
def test_counts_packets(file: Path, name: str) -> None:
    file.write_bytes(FILES[name])
    found = walk(str(file))
    assert (found.packets, found.links, found.broken) == (len(PACKETS), (1,), "")
    assert found.whole_bytes == len(FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_every_cut_shows(file: Path, name: str) -> None:
    data = FILES[name]
    seen = set()
    # from the first place where there is a header
    for size in range(28 if "ng" in name else 24, len(data)):
        file.write_bytes(data[:size])
        found = walk(str(file))
        assert bool(found.broken) == (found.whole_bytes < size)
        seen.add(found.packets)
    assert seen == set(range(len(PACKETS)))


def test_what_is_no_packet(file: Path) -> None:
    file.write_bytes(pcap(PACKETS[:3]) + b"\xff" * 200)
    found = walk(str(file))
    assert found.packets == 3
    assert found.broken.startswith("what follows packet 3, at byte ")
    file.write_bytes(pcapng(PACKETS[:3]) + b"\xff" * 200)
    assert walk(str(file)).broken.startswith("what follows packet 3, at byte ")


def test_link_types(file: Path) -> None:
    file.write_bytes(pcap(PACKETS, link=0x1000_0071))
    assert walk(str(file)).links == (0x71,)
    file.write_bytes(pcapng(PACKETS, links=(1, 101, 1)))
    assert walk(str(file)).links == (1, 101)


@pytest.mark.parametrize("data", [b"", b"\xd4", b"IPV4_SRC_ADDR,IPV4_DST_ADDR\n", bytes(100)])
def test_no_capture(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(TruncatedError, match="this is no capture of packets"):
        walk(str(file))


def test_no_header(file: Path) -> None:
    file.write_bytes(pcap([], magic=MICROS)[:10])
    with pytest.raises(TruncatedError, match="ends in its header, after 10 bytes"):
        walk(str(file))
