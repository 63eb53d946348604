from __future__ import annotations

import ipaddress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.model.features import class_flags, edge_features

MASK = (1 << 64) - 1


def words(text: str) -> tuple[np.ndarray, np.ndarray]:
    ip = ipaddress.ip_address(text)
    n = int(ip) if ip.version == 6 else 0xFFFF_0000_0000 | int(ip)
    return np.array([n >> 64], np.uint64), np.array([n & MASK], np.uint64)


@settings(deadline=None)
@given(st.ip_addresses())
def test_flags_agree_with_the_standard_library(ip):
    private, multicast, _, local, six = class_flags(*words(str(ip)))[0]
    mapped = ip.version == 6 and ip.ipv4_mapped
    if mapped:
        return
    assert bool(six) == (ip.version == 6)
    assert bool(multicast) == ip.is_multicast
    if ip.is_link_local or ip.is_loopback or ip.is_unspecified:
        assert local
    if ip.version == 4:
        nets = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
    else:
        nets = ("fc00::/7",)
    assert bool(private) == any(ip in ipaddress.ip_network(n) for n in nets)


def test_broadcast_like_addresses_are_flagged():
    for text, expected in (
        ("192.168.1.255", 1),
        ("255.255.255.255", 1),
        ("192.168.1.25", 0),
        ("239.1.1.255", 0),
    ):
        assert class_flags(*words(text))[0, 2] == expected


def test_edge_features_are_standardised_clipped_and_flagged():
    a = np.array([[np.e - 1, 0, 1e30]], np.float32)
    out = edge_features(a, np.array([True]), np.zeros(3, np.float32), np.ones(3, np.float32))
    np.testing.assert_allclose(out, [[1, 0, 8, 1]], atol=1e-6)
