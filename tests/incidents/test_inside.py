from __future__ import annotations

import pytest

from morpheus_gae.incidents.inside import insiders, is_inside


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


def test_public_addresses_of_one_site_are_inside_towards_each_other() -> None:
    here, there, away = "2a05:d018:c4f:0::1", "2a05:d018:c4f:2::9", "2600:1f18:5b3f::1"
    assert insiders([here], [there]) == {here, there}
    assert insiders([here], [away]) == set()
    assert insiders([here, "10.1.2.3"], [there, away]) == {here, there, "10.1.2.3"}
    # of a site on one side alone, and of addresses that have no site
    assert insiders([here, there], [away, "8.8.8.8"]) == insiders(["8.8.8.8"], ["8.8.4.4"]) == set()
