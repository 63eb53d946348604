"""Streams: benign flows and attacks, combined in ways that test different properties.

============== ===========================================================================================
``file``       as recorded
``burst5``     benign flows in order, runs of at most 50 attack flows at random places, 5 % attacks
``burst20``    the same, 20 % attacks
``mix50``      shuffled, half and half: is the score fooled when attacks are everywhere?
``camo``       ``burst20``, each attack flow on the addresses of a random benign flow: what is left when
               who talks to whom gives nothing away?
``readdressed`` ``burst20``, each attacking and each attacked host moved to a random benign host: was it the
               addresses that were learnt?
============== ===========================================================================================

All are deterministic given their input and a seed. Start times stay as recorded, so windows must be cut by
number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.evaluate.data.readdress import onto_benign_pairs, onto_random_hosts, with_text_addresses
from morpheus_gae.flows.frame import Flows, concat

I64 = npt.NDArray[np.int64]
RUN = 50


def file_order(benign: Flows, attacks: Flows) -> Flows:
    """Return all flows by their position in the source (``rows``)."""
    both = concat([benign, attacks])
    return both.take(np.argsort(both.rows, kind="stable"))


def burst(benign: Flows, attacks: Flows, share: float, seed: int, run: int = RUN) -> Flows:
    """Return benign flows in order, with runs of consecutive attack flows inserted at random positions.

    Parameters
    ----------
    benign, attacks
        In order.
    share
        Of attacks in the stream, in (0, 1): as many attack flows are drawn, in runs, as that takes. All of
        them are used, and the share is smaller, where there are too few.
    seed
        Of the choice of runs and of their places.
    run
        Most attack flows in a row.
    """
    rng = np.random.default_rng([seed, 1])
    wanted = min(round(len(benign) * share / (1 - share)), len(attacks))
    chosen, run_of = _runs(len(attacks), wanted, run, rng)
    runs = int(run_of[-1]) + 1 if wanted else 0
    slots = len(benign) + 1
    place = np.sort(rng.choice(slots, runs, replace=runs > slots))
    # benign flow i stands at 2i + 1, a run inserted before it at 2i; a stable sort keeps each part's order
    key = np.concatenate([2 * np.arange(len(benign)) + 1, 2 * place[run_of]])
    return concat([benign, attacks.take(chosen)]).take(np.argsort(key, kind="stable"))


def mix50(benign: Flows, attacks: Flows, seed: int) -> Flows:
    """As many benign flows as attacks (the more numerous part is sampled), shuffled."""
    rng = np.random.default_rng([seed, 2])
    half = min(len(benign), len(attacks))
    parts = [flows.take(rng.permutation(len(flows))[:half]) for flows in (benign, attacks)]
    return concat(parts).take(rng.permutation(2 * half))


def camo(
    benign: Flows, attacks: Flows, share: float, seed: int, *, donors: Flows | None = None, run: int = RUN
) -> Flows:
    """``burst``, each attack flow on the two hosts of a random flow of ``donors`` (``benign`` if None)."""
    rng = np.random.default_rng([seed, 3])
    moved = onto_benign_pairs(attacks, benign if donors is None else donors, rng)
    return burst(with_text_addresses(benign), moved, share, seed, run)


def readdressed(
    benign: Flows, attacks: Flows, share: float, seed: int, *, donors: Flows | None = None, run: int = RUN
) -> Flows:
    """``burst``, each host of the attacks moved to a random host of ``donors`` (``benign`` if None)."""
    rng = np.random.default_rng([seed, 4])
    moved = onto_random_hosts(attacks, benign if donors is None else donors, rng)
    return burst(with_text_addresses(benign), moved, share, seed, run)


STREAMS: dict[str, Callable[[Flows, Flows, Flows | None, int], Flows]] = {
    "file": lambda benign, attacks, donors, seed: file_order(benign, attacks),
    "burst5": lambda benign, attacks, donors, seed: burst(benign, attacks, 0.05, seed),
    "burst20": lambda benign, attacks, donors, seed: burst(benign, attacks, 0.2, seed),
    "mix50": lambda benign, attacks, donors, seed: mix50(benign, attacks, seed),
    "camo": lambda benign, attacks, donors, seed: camo(benign, attacks, 0.2, seed, donors=donors),
    "readdressed": lambda benign, attacks, donors, seed: readdressed(
        benign, attacks, 0.2, seed, donors=donors
    ),
}


def stream(name: str, benign: Flows, attacks: Flows, seed: int, donors: Flows | None = None) -> Flows:
    """Create a stream by name.

    Parameters
    ----------
    name
        Of ``STREAMS``.
    benign, attacks
        Flows of each kind, in order.
    seed
        Of everything random.
    donors
        Benign flows whose addresses attacks are moved to; ``benign`` if None.

    Raises
    ------
    UsageError
        If there is no stream of that name.
    InputError
        If the stream needs attacks or benign flows that are not there.
    """
    if name not in STREAMS:
        raise UsageError(f"unknown stream {name!r}: choose one of {', '.join(STREAMS)}")
    if name != "file" and not (len(benign) and len(attacks)):
        raise InputError(
            f"stream {name} mixes benign flows and attacks; found {len(benign):,} benign flows and "
            f"{len(attacks):,} attacks: give more input, or use the stream file"
        )
    return STREAMS[name](benign, attacks, donors, seed)


def _runs(flows: int, wanted: int, run: int, rng: np.random.Generator) -> tuple[I64, I64]:
    """Positions of ``wanted`` of ``flows`` flows, in random runs, and the run of each; both rising."""
    starts = np.arange(0, flows, run)
    order = rng.permutation(starts.shape[0])
    length = np.minimum(run, flows - starts[order])
    # the last run drawn is cut short, so that the number is exact
    length = np.diff(np.minimum(np.cumsum(length), wanted), prepend=0)
    used = np.flatnonzero(length)
    used = used[np.argsort(order[used])]
    run_of = np.repeat(np.arange(used.shape[0]), length[used])
    first = np.cumsum(length[used]) - length[used]
    within = np.arange(run_of.shape[0]) - first[run_of]
    return starts[order[used]][run_of] + within, run_of
