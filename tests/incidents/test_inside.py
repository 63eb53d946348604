from __future__ import annotations

import pytest

from morpheus_gae.incidents.inside import is_inside


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "fd00::1",
        "fe80::1",
        "224.0.0.251",
        "255.255.255.255",
        "ff02::fb",
    ],
)
def test_what_no_router_passes_on_is_inside(address: str) -> None:
    assert is_inside(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2a05:d018::1"])
def test_what_is_public_is_outside(address: str) -> None:
    assert not is_inside(address)
