"""Endpoints of one run: the network's, the internet hosts that come and go, and the attackers'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.simulate.network.addresses import public_v4, public_v6
from morpheus_gae.simulate.network.load import DAY_MS
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.rng import stream_seed

I32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]

NEW_HOSTS_PER_DAY = 0.12
"""New internet hosts a day, as a share of the regular hosts."""
LIFE_DAYS = 2.0
"""How long such a host stays in use."""
_FIRST_NEWCOMER = 200_000_000  # address numbers; regular hosts come before, strangers after
_FIRST_STRANGER = 1_000_000_000


@dataclass(frozen=True)
class Endpoints:
    """All addresses of a run.

    Numbering: the network's own endpoints below ``newcomers4``, then newcomers (IPv4, then IPv6), then
    strangers: addresses that only attacks use, IPv4.

    Attributes
    ----------
    v4, v6
        Address texts of each family.
    is_v6
        bool [endpoints].
    position
        int32 [endpoints]: index into the texts of its family.
    newcomers4, newcomers6
        First endpoint of the newcomers, by family (the second is 0 without IPv6).
    first_newcomer
        Number of the first newcomer here, counted over all runs of the network.
    active
        Newcomers in use at any moment.
    born_per_ms
        Newcomers born per millisecond; those in use at the start come first.
    strangers, stranger_count
        First endpoint of the strangers, and their number.
    """

    v4: list[str]
    v6: list[str]
    is_v6: Bool
    position: I32
    newcomers4: int
    newcomers6: int
    first_newcomer: int
    active: int
    born_per_ms: float
    strangers: int
    stranger_count: int


def run_endpoints(network: Network, start_ms: int, days: float, seed: int, strangers: int) -> Endpoints:
    """Lay out the endpoints of a run of ``days`` from ``start_ms``."""
    per_day = max(2.0, network.hosts * NEW_HOSTS_PER_DAY)
    active = max(4, round(per_day * LIFE_DAYS))
    born_per_ms = per_day / DAY_MS
    first = int(start_ms * born_per_ms) % 500_000_000
    count = active + int(days * per_day) + 2
    numbers = _FIRST_NEWCOMER + first + np.arange(count, dtype=np.int64)
    salt = network.salt
    new4 = public_v4(numbers, salt)
    new6 = public_v6(numbers, salt) if network.v6 else []
    block = stream_seed(seed, network.seed, 11) % 1500
    strange = public_v4(_FIRST_STRANGER + block * 1_000_000 + np.arange(strangers, dtype=np.int64), salt)
    n4, n6, m4, m6 = len(network.v4), len(network.v6), len(new4), len(new6)
    return Endpoints(
        v4=network.v4 + new4 + strange,
        v6=network.v6 + new6,
        is_v6=np.repeat([False, True, False, True, False], [n4, n6, m4, m6, strangers]),
        position=np.concatenate(
            [
                np.arange(n4),
                np.arange(n6),
                n4 + np.arange(m4),
                n6 + np.arange(m6),
                n4 + m4 + np.arange(strangers),
            ]
        ).astype(np.int32),
        newcomers4=n4 + n6,
        newcomers6=n4 + n6 + m4 if m6 else 0,
        first_newcomer=first,
        active=active,
        born_per_ms=born_per_ms,
        strangers=n4 + n6 + m4 + m6,
        stranger_count=strangers,
    )
