"""Addresses agree with the standard library, whatever type of column they come in."""

from __future__ import annotations

import ipaddress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.flows.addresses.kernels import ABSENT, OK, UNPARSABLE
from morpheus_gae.flows.addresses.text import format_addresses, parse_addresses, parse_either, parse_status

# the view types are younger than the oldest Arrow that is supported
VIEW = getattr(pa, "string_view", pa.string)()
V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
SPARSE = st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0xAB]), min_size=8, max_size=8).map(
    lambda words: ipaddress.IPv6Address(sum(word << 16 * k for k, word in enumerate(words)))
)
ALMOST = st.text("0123456789abcdefABCDEF:.%g ", max_size=30)


def expected(text: str) -> int | None:
    """The 128 bits by the standard library: IPv4 mapped, zones and surrounding blanks dropped."""
    try:
        address = ipaddress.ip_address(text.strip(" \t").partition("%")[0])
        ipaddress.ip_address(text.strip(" \t"))
    except ValueError:
        return None
    return int(address) if address.version == 6 else 0xFFFF_0000_0000 | int(address)


def numbers(column: pa.Array) -> list[int | None]:
    hi, lo, ok = parse_addresses(column)
    assert hi.dtype == lo.dtype == np.uint64
    assert not hi[~ok].any()
    assert not lo[~ok].any()
    return [(int(h) << 64) | int(w) if fine else None for h, w, fine in zip(hi, lo, ok, strict=True)]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.one_of(V4.map(str), V6.map(str), V6.map(lambda a: a.exploded), SPARSE.map(str), ALMOST)))
def test_parsing_agrees_with_the_standard_library(texts: list[str]) -> None:
    assert numbers(pa.array(texts, pa.string())) == [expected(text) for text in texts]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.one_of(V4, V6, SPARSE), min_size=1))
def test_what_is_formatted_is_canonical_and_parses_back(
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> None:
    hi, lo, ok = parse_addresses(pa.array([str(a) for a in addresses]))
    assert ok.all()
    text = format_addresses(hi, lo)
    # the mapped range is IPv4 here, by design
    mapped = [getattr(a, "ipv4_mapped", None) or a for a in addresses]
    assert text.to_pylist() == [str(a) for a in mapped]
    again = parse_addresses(text)
    assert (again[0] == hi).all()
    assert (again[1] == lo).all()


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "\t"),
        *("1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4.", ".1.2.3.4", "1..2.3", "1.2.3.-4", "1,2"),
        *("00:1a:2b:3c:4d:5e", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e"),
        *(
            "::1::",
            ":::",
            ":",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "12345::",
            "::1.2.3",
            "1:2:3:4:5:6:7:1.2.3.4",
        ),
        *(
            "fe80::1%",
            "fe80::1%a%b",
            "1.2.3.4%eth0",
            "example.org",
            "null",
            "１.2.3.4",
            "1.2.3.4\0",
            "0x7f.1",
        ),
    ],
)
def test_what_is_no_address(text: str) -> None:
    _, _, status = parse_status(pa.array([text]))
    assert status[0] == (UNPARSABLE if text.strip() else ABSENT)
    assert expected(text) is None


def test_zones_and_blanks_are_dropped() -> None:
    found = numbers(pa.array([" fe80::1%eth0 ", "\t10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"]))
    assert found[0] == int(ipaddress.ip_address("fe80::1"))
    assert found[1] == 0xFFFF_0A00_0001
    assert found[2] == found[3]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
        VIEW,
    ],
    ids=str,
)
def test_every_type_of_text_and_every_slice(kind: pa.DataType) -> None:
    texts = ["10.0.0.1", None, "no address", "::1", "", "10.0.0.1", "1.1.1.1"]
    plain = pa.array(texts)
    if pa.types.is_dictionary(kind):
        column = plain.dictionary_encode().cast(kind)
    else:
        column = plain.cast(kind) if kind != VIEW else pa.array(texts, kind)
    want = numbers(plain)
    assert want[1] is want[2] is want[4] is None
    assert numbers(column) == want
    assert numbers(column.slice(2, 4)) == want[2:6]
    assert (
        numbers(pa.chunked_array([column.slice(5), column.slice(0, 0), column.slice(0, 3)]))
        == want[5:] + want[:3]
    )


def test_a_small_batch_with_the_dictionary_of_a_whole_file() -> None:
    words = pa.array([f"10.0.0.{k}" for k in range(250)] + ["junk", None])
    column = pa.DictionaryArray.from_arrays(pa.array([3, None, 250, 251, 3], pa.int32()), words)
    _, _, status = parse_status(column)
    assert status.tolist() == [OK, ABSENT, UNPARSABLE, ABSENT, OK]
    many = pa.DictionaryArray.from_arrays(pa.array([3, None, 250, 251, 3] * 60, pa.int32()), words)
    assert parse_status(many)[2].tolist() == [OK, ABSENT, UNPARSABLE, ABSENT, OK] * 60


def test_raw_bytes_and_numbers() -> None:
    six = ipaddress.ip_address("2001:db8::7")
    four = ipaddress.ip_address("10.1.2.3")
    binary = pa.array([four.packed, six.packed, None, b"10.1.2.3", b"abc"])
    assert numbers(binary) == [
        0xFFFF_0000_0000 | int(four),
        int(six),
        None,
        0xFFFF_0000_0000 | int(four),
        None,
    ]
    fixed = pa.array([six.packed, None, six.packed], pa.binary(16))
    assert numbers(fixed) == [int(six), None, int(six)]
    assert numbers(fixed.slice(1)) == [None, int(six)]
    whole = pa.array([int(four), -1, 2**32, None])
    assert numbers(whole) == [0xFFFF_0000_0000 | int(four), None, None, None]


def test_types_that_cannot_be_addresses() -> None:
    _, _, status = parse_status(pa.array([1.5, None]))
    assert status.tolist() == [UNPARSABLE, ABSENT]
    _, _, status = parse_status(pa.nulls(2))
    assert status.tolist() == [ABSENT, ABSENT]
    assert len(parse_status(pa.array([], pa.string()))[0]) == 0


WORDS = (None, "", "x", "0.0.0.0", "::", "10.1.2.3", "2001:db8::1", "::ffff:10.9.8.7")


@given(
    rows=st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)), min_size=1, max_size=40),
    before=st.integers(0, 9),
    cut=st.integers(0, 40),
)
def test_two_dictionaries_are_read_as_two_columns_of_text(
    rows: list[tuple[str | None, str | None]], before: int, cut: int
) -> None:
    texts = [pa.array([WORDS[0]] * before + [row[k] for row in rows], pa.string()) for k in (0, 1)]
    plain = [pa.chunked_array([text[before:]]) for text in texts]
    words = [pa.chunked_array([text.dictionary_encode()[before:]]) for text in texts]
    want = parse_either(*plain)
    # each piece with words of its own
    pieces = [
        pa.chunked_array([part.dictionary_encode() for part in (text[before:][:cut], text[before:][cut:])])
        for text in texts
    ]
    for pair in (words, pieces, [words[0], plain[1]], [plain[0], words[1]], [pieces[0], words[1]]):
        for found, wanted in zip(parse_either(*pair), want, strict=True):
            assert found.dtype == wanted.dtype
            assert found.tolist() == wanted.tolist()


def test_the_second_column_speaks_where_the_first_says_nothing() -> None:
    first = pa.chunked_array([["10.0.0.1", "0.0.0.0", None, "x", "0.0.0.0", "::"] * 2])
    second = pa.chunked_array([["2001::1", "2001::2", "2001::3", "2001::4", None, "::"] * 2])
    for columns in ((first, second), (first.dictionary_encode(), second.dictionary_encode())):
        hi, lo, status = parse_either(*columns)
        assert format_addresses(hi, lo).to_pylist()[:6] == [
            "10.0.0.1", "2001::2", "2001::3", "2001::4", "0.0.0.0", "::",
        ]  # fmt: skip
        assert (status == OK).all()
