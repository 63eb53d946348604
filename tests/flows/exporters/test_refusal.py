"""The line for an unknown layout: who is nearest, and a map to begin with that can be copied."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import InputError
from morpheus_gae.flows.exporters.guess import start_of_map
from morpheus_gae.flows.exporters.mapping import read_map
from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.exporters.refusal import nearest, refusal
from morpheus_gae.flows.readers.read import read_flows

FIREWALL = (
    *("source_address", "destination_address", "source_port", "dest_port", "protocol", "tx_bytes"),
    *("rx_bytes", "duration_s", "start_time"),
)
GUESSED = (
    "--map FLOW_START_MILLISECONDS=start_time --map IPV4_SRC_ADDR=source_address "
    "--map IPV4_DST_ADDR=destination_address --map L4_SRC_PORT=source_port --map L4_DST_PORT=dest_port "
    "--map PROTOCOL=protocol --map IN_BYTES=tx_bytes --map OUT_BYTES=rx_bytes "
    "--map FLOW_DURATION_MILLISECONDS=duration_s:s"
)


def told(text: str) -> list[str]:
    """Values of the options in a line."""
    words = shlex.split(text)
    return [value for option, value in pairwise(words) if option == "--map"]


def test_the_line_can_be_copied_and_works(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(",".join(FIREWALL) + "\n10.0.0.1,10.0.0.2,1,2,tcp,100,200,1.5,2024-01-01 00:00:00\n")
    with pytest.raises(InputError) as error:
        list(read_flows(str(path)))
    line = str(error.value)
    assert line.endswith(f". Or say which column is which, such as: {GUESSED}")
    assert "\n" not in line
    (batch,) = read_flows(str(path), preset=read_map(told(GUESSED)))
    assert batch.flows.attributes.tolist() == [[100, 200, 1500]]
    assert batch.flows.time_ms is not None


SOUNDS = {
    "srcip sport dstip dsport sbytes": (
        "IPV4_SRC_ADDR=srcip IPV4_DST_ADDR=dstip L4_SRC_PORT=sport L4_DST_PORT=dsport IN_BYTES=sbytes"
    ),
    "clientIp serverIp bytesIn bytesOut": (
        "IPV4_SRC_ADDR=clientIp IPV4_DST_ADDR=serverIp IN_BYTES=bytesIn OUT_BYTES=bytesOut"
    ),
    "source.mac source.ip dst.ip dst.bytes src.bytes": (
        "IPV4_SRC_ADDR=source.ip IPV4_DST_ADDR=dst.ip IN_BYTES=src.bytes OUT_BYTES=dst.bytes"
    ),
    "avg_bytes bytes end begin elapsed_usec": (
        "FLOW_START_MILLISECONDS=begin FLOW_END_MILLISECONDS=end IPV4_SRC_ADDR=COLUMN IPV4_DST_ADDR=COLUMN "
        "IN_BYTES=bytes FLOW_DURATION_MILLISECONDS=elapsed_usec:us"
    ),
    "x y": "IPV4_SRC_ADDR=COLUMN IPV4_DST_ADDR=COLUMN IN_BYTES=COLUMN",
}


@pytest.mark.parametrize("names", SOUNDS)
def test_names_that_sound_like_ours(names: str) -> None:
    assert told(start_of_map(names.split())) == SOUNDS[names].split()


def test_names_with_spaces_are_quoted() -> None:
    assert "--map 'IPV4_SRC_ADDR=Src IP Addr'" in start_of_map(["Src IP Addr"])


@pytest.mark.parametrize(
    ("names", "want"),
    [
        (
            ["ID_ORIG_H", "id_resp_h", "orig_bytes", "resp_bytes"],
            ("zeek", ["id.orig_h", "id.resp_h"]),
        ),
        (["src_addr", "dst_addr", "src_port", "etype"], ("goflow2", ["bytes or Bytes"])),
        (["src_addr", "dst_addr", "bytes", "src_port"], ("goflow2", [])),
        (["colour", "taste"], None),
    ],
)
def test_the_nearest_preset_and_what_it_has_besides(
    names: list[str], want: tuple[str, list[str]] | None
) -> None:
    assert nearest(names) == want
    line = refusal(names, "f", None, ["IN_BYTES"])
    if want is not None:
        end = f", which has also {', '.join(want[1])}. Or" if want[1] else f": try --preset {want[0]}. Or"
        assert f"Nearest is {want[0]}{end}" in line


def test_a_record_in_place_of_a_header_asks_for_the_columns() -> None:
    line = refusal(["10.0.0.1", "443", "10.0.0.2"], "f", None, ["IN_BYTES"])
    assert line.endswith("name the columns with --columns a,b,...")


@given(st.lists(st.text(max_size=20), max_size=30))
def test_whatever_the_names_it_is_one_line(names: list[str]) -> None:
    line = refusal(names, "f", None, ["IN_BYTES"])
    assert line.isprintable()
    # what is guessed can be read
    read_map(told(start_of_map(names)))


def test_every_preset_is_nearest_to_its_own_names() -> None:
    for name, preset in PRESETS.items():
        own = [preset.prefixes[0] + n for group in preset.fields.values() for n in group]
        near = nearest([*own, *preset.start, *preset.end])
        assert preset.tuples or (near is not None and near[0] == name), name


def test_what_a_preset_lacks_can_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text('{"src_addr": "10.0.0.1", "dst_addr": "10.0.0.2", "octets": 5}\n')
    with pytest.raises(InputError) as error:
        list(read_flows(str(path), preset="goflow2"))
    line = str(error.value)
    assert line.endswith("or say which is which, such as: --map IN_BYTES=octets")
    (batch,) = read_flows(str(path), preset=read_map(["IN_BYTES=octets"], None, "goflow2"))
    assert batch.flows.attributes[0, 0] == 5
