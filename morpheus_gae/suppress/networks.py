"""Networks: membership of address columns in several IPv4 and IPv6 networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.addresses.kernels import V4_PREFIX

U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_FEW = 64
_LOW = (1 << 64) - 1
_V4_HIGH = np.uint64(int(V4_PREFIX) >> 32)


def read_network(text: str) -> Network:
    """Parse a network or single address; IPv4-mapped IPv6 ones are IPv4.

    Raises
    ------
    ValueError
        If invalid, or with host bits set; the message suggests a correction.
    """
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        try:
            wider = ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            raise ValueError(f"{text!r} is no address and no network like 10.0.0.0/8") from None
        raise ValueError(f"{text!r} has bits set beyond its prefix: is it {wider}?") from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        start = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((start, network.prefixlen - 96))
    return network


class Networks:
    """Several networks.

    Parameters
    ----------
    networks
        Networks; overlapping ones are merged.

    Attributes
    ----------
    networks
        Minimal equivalent list, IPv4 first.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        four = [n for n in networks if isinstance(n, ipaddress.IPv4Network)]
        six = [n for n in networks if isinstance(n, ipaddress.IPv6Network)]
        self.networks: list[Network] = [
            *(ipaddress.collapse_addresses(four) if len(four) > 1 else four),
            *(ipaddress.collapse_addresses(six) if len(six) > 1 else six),
        ]
        nets, masks = zip(*map(_binary, self.networks), strict=True) if self.networks else ((), ())
        self._hi, self._lo = _halves(nets)
        self._mask_hi, self._mask_lo = _halves(masks)
        # ::/0 excludes IPv4 addresses, though these are stored as IPv6 ones
        self._holds_v4 = np.array([isinstance(n, ipaddress.IPv4Network) for n in self.networks], bool)

    @property
    def families(self) -> frozenset[int]:
        """Return the address families present, of 4 and 6."""
        return frozenset(n.version for n in self.networks)

    @property
    def all(self) -> bool:
        """Whether every address of a family is included."""
        return any(n.prefixlen == 0 for n in self.networks)

    @cached_property
    def hosts(self) -> frozenset[tuple[int, int]] | None:
        """Return the addresses, as two numbers each, if there are only a few single ones; else None."""
        if any(n.num_addresses > _FEW for n in self.networks) or len(self.networks) > _FEW:
            return None
        numbers = [int(host) | (int(V4_PREFIX) if n.version == 4 else 0) for n in self.networks for host in n]
        return frozenset((number >> 64, number & _LOW) for number in numbers)

    def hold(self, hi: U64, lo: U64) -> Bool:
        """Mark the addresses in one of the networks.

        Parameters
        ----------
        hi, lo
            uint64 [E], IPv4 as its IPv4-mapped IPv6 address (``flows.addresses.text``).

        Returns
        -------
        bool [E]
        """
        v4 = (hi == 0) & (lo >> np.uint64(32) == _V4_HIGH)
        found = np.zeros(hi.shape[0], bool)
        for i in range(self._hi.shape[0]):
            same = (hi & self._mask_hi[i]) == self._hi[i]
            same &= (lo & self._mask_lo[i]) == self._lo[i]
            found |= same & (v4 == self._holds_v4[i])
        return found


def _binary(network: Network) -> tuple[int, int]:
    """Return address and mask, 128 bits each."""
    v4 = isinstance(network, ipaddress.IPv4Network)
    mask = ((1 << 128) - 1) ^ ((1 << (network.max_prefixlen - network.prefixlen)) - 1)
    return int(network.network_address) | (int(V4_PREFIX) if v4 else 0), mask


def _halves(numbers: Sequence[int]) -> tuple[U64, U64]:
    high = np.array([n >> 64 for n in numbers], np.uint64)
    return high, np.array([n & _LOW for n in numbers], np.uint64)
