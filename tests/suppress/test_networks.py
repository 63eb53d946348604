from __future__ import annotations

import ipaddress
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.flows.addresses.text import parse_addresses
from morpheus_gae.suppress.networks import Networks, read_network

V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
# those that are IPv4-mapped are IPv4 here
V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address).filter(lambda a: a.ipv4_mapped is None)


@st.composite
def networks(draw: Any) -> Any:
    kind = draw(st.sampled_from([(V4, 32), (V6, 128)]))
    address, length = draw(kind[0]), draw(st.integers(0, kind[1]))
    return ipaddress.ip_network((address, length), strict=False)


@st.composite
def near(draw: Any, nets: list[Any]) -> Any:
    """An address: anywhere, or at an edge of one of the networks."""
    if not draw(st.booleans()):
        return draw(st.one_of(V4, V6))
    net = draw(st.sampled_from(nets))
    edge = int(draw(st.sampled_from([net.network_address, net.broadcast_address])))
    number = (edge + draw(st.integers(-1, 1))) % (1 << net.max_prefixlen)
    return (ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address)(number)


@given(st.data())
def test_holds_what_ipaddress_says(data: Any) -> None:
    nets = data.draw(st.lists(networks(), min_size=1, max_size=5))
    hosts = data.draw(st.lists(near(nets), min_size=1, max_size=20))
    mapped = [getattr(h, "ipv4_mapped", None) or h for h in hosts]
    hi, lo, ok = parse_addresses(pa.array([str(h) for h in hosts]))
    assert ok.all()
    found = Networks(nets).hold(hi, lo)
    np.testing.assert_array_equal(found, [any(h in net for net in nets) for h in mapped])


@given(st.lists(networks(), min_size=1, max_size=5))
def test_hosts_are_all_there_are(nets: list[Any]) -> None:
    held = Networks(nets)
    few = [n for n in held.networks if n.num_addresses <= 64]
    assert (held.hosts is None) == (len(few) < len(held.networks))
    if held.hosts is not None:
        hi, lo = (np.array(part, np.uint64) for part in zip(*sorted(held.hosts), strict=True))
        assert held.hold(hi, lo).all()
        assert len(held.hosts) == sum(n.num_addresses for n in held.networks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.7", "10.0.0.7/32"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_networks_are_read(text: str, expected: str) -> None:
    assert str(read_network(text)) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10.0.0.5/8", "is it 10.0.0.0/8?"),
        ("10.0.0", "is no address"),
        ("10.0.0.0/33", "is no address"),
        ("host.example", "is no address"),
        ("", "is no address"),
    ],
)
def test_what_is_no_network_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        read_network(text)
