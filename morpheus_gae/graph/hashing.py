"""Host ids and pair ids by open-addressing hash tables: linear, no sorting of flows, no strings.

Pairs come first, straight from the addresses: two IPv4 addresses are one 64-bit key, so that a flow costs
one look-up. Hosts are then numbered from the pairs, of which there are fewer. Ids are given by first
appearance: they depend neither on the salt nor on the number of threads.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.graph.number_hosts import distinct_hosts
from morpheus_gae.graph.partition import distinct_pairs

U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]

SALT = np.uint64(secrets.randbits(64))


class Numbered(NamedTuple):
    """A window's hosts and pairs.

    Attributes
    ----------
    pair
        int32 [E] pair of each flow, by first appearance.
    pair_src, pair_dst
        int32 [P] hosts of each pair: numbered by first appearance as a source, then those that are none by
        first appearance as a destination.
    pair_flows
        int32 [P] flows of each pair.
    host_hi, host_lo
        uint64 [N] address of each host.
    """

    pair: I32
    pair_src: I32
    pair_dst: I32
    pair_flows: I32
    host_hi: U64
    host_lo: U64


def number(src_hi: U64, src_lo: U64, dst_hi: U64, dst_lo: U64) -> Numbered:
    """Number the distinct addresses and the distinct ordered pairs of addresses.

    Parameters
    ----------
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E] addresses, IPv4 as IPv4-mapped IPv6.
    """
    columns = src_hi, src_lo, dst_hi, dst_lo
    pairs = distinct_pairs(*columns, SALT)
    hosts = distinct_hosts(pairs.src, pairs.dst, *columns, SALT)
    return Numbered(pairs.pair, hosts[0], hosts[1], pairs.flows, hosts[2], hosts[3])
