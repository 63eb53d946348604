"""Attacks: generates the flows of one campaign, by class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.simulate.network.draw import habit_port
from morpheus_gae.simulate.network.endpoints import Endpoints
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.network.services import SERVICE_ID, SERVICES, TCP, UDP, ServiceArrays
from morpheus_gae.simulate.traffic.stream import Stream

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Campaign:
    """A burst of one class of attack.

    Attributes
    ----------
    attack
        Name of the class.
    start_ms, length_ms
        When, and for how long at most.
    flows
        How many flows.
    seed
        Seed of this campaign.
    """

    attack: str
    start_ms: int
    length_ms: int
    flows: int
    seed: int


@dataclass(frozen=True)
class Stage:
    """Environment of a campaign.

    Attributes
    ----------
    network, endpoints
        Of the run.
    services
        The services' table.
    covers
        int32 [N, 3]: source, destination and service of habits certainly active in this run, in whose traffic
        camouflaged attacks hide; TCP and DNS habits.
    """

    network: Network
    endpoints: Endpoints
    services: ServiceArrays
    covers: I32


@dataclass(frozen=True)
class Moves:
    """Attackers, targets, times and services: arrays of the campaign's length, or one value for all."""

    time_ms: F64
    src: I64 | int
    dst: I64 | int
    service: str | I64
    port: I64 | int = -1


Rng = np.random.Generator


def _even(rng: Rng, c: Campaign) -> F64:
    """A steady rate with jitter."""
    return np.asarray(c.start_ms + c.length_ms * (np.arange(c.flows) + rng.random(c.flows)) / c.flows)


def _bursty(rng: Rng, c: Campaign) -> F64:
    """Bouts of activity with pauses."""
    bouts = max(1, min(c.flows // 5, 12))
    centre = rng.random(bouts) * 0.95
    return np.asarray(
        c.start_ms + c.length_ms * (centre[rng.integers(0, bouts, c.flows)] + 0.05 * rng.random(c.flows))
    )


def _clockwork(rng: Rng, c: Campaign, jitter: float) -> F64:
    """A call every so often, with jitter as a share of the interval."""
    step = c.length_ms / c.flows
    return np.asarray(c.start_ms + step * (np.arange(c.flows) + 0.5 + jitter * (rng.random(c.flows) - 0.5)))


def _stranger(rng: Rng, stage: Stage, size: int | None = None) -> I64 | int:
    drawn = stage.endpoints.strangers + rng.integers(0, stage.endpoints.stranger_count, size)
    return int(drawn) if size is None else np.asarray(drawn)


def _victim(rng: Rng, stage: Stage, *roles: str) -> int:
    return int(rng.choice(stage.network.of_role(*roles)))


def _insider(rng: Rng, stage: Stage) -> int:
    return _victim(rng, stage, "workstation", "camera", "sensor", "app")


def _attacker(rng: Rng, stage: Stage, inside: float) -> int:
    return _insider(rng, stage) if rng.random() < inside else int(_stranger(rng, stage))


def horizontal_scan(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """One port or two on many addresses, a good part of them unused."""
    pool = np.concatenate([np.arange(stage.network.inside), stage.network.dark])
    targets = rng.permutation(pool)[np.arange(c.flows) % pool.size]
    if rng.random() < 0.25:
        return Moves(
            _even(rng, c),
            _attacker(rng, stage, 0.4),
            targets,
            "udp_probe",
            int(rng.choice([161, 53, 1900, 123])),
        )
    ports = rng.choice([22, 23, 80, 443, 445, 1433, 3306, 3389, 5900, 8080], 2, replace=False)
    return Moves(
        _even(rng, c),
        _attacker(rng, stage, 0.4),
        targets,
        "syn_probe",
        rng.choice(ports, c.flows, p=[0.8, 0.2]),
    )


def vertical_scan(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """Many ports of one host."""
    ports = 1 + rng.permutation(65_535)[np.arange(c.flows) % 65_535]
    known = rng.random(c.flows) < 0.3
    ports = np.where(known, rng.integers(1, 1024, c.flows), ports)
    target = _victim(rng, stage, "web", "mail", "app", "file", "db", "camera")
    return Moves(_even(rng, c), _attacker(rng, stage, 0.4), target, "syn_probe", ports)


def brute_force(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """Password guessing, from one to a few sources."""
    service = str(rng.choice(["guess_ssh", "guess_rdp", "guess_web"], p=[0.5, 0.2, 0.3]))
    sources = np.array([_attacker(rng, stage, 0.25) for _ in range(int(rng.integers(1, 4)))])
    return Moves(
        _even(rng, c), rng.choice(sources, c.flows), _victim(rng, stage, "app", "web", "mail"), service
    )


def dos(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """A flood from one source at one service."""
    service = str(rng.choice(["syn_flood", "http_flood", "udp_flood"], p=[0.45, 0.4, 0.15]))
    return Moves(
        _even(rng, c),
        _attacker(rng, stage, 0.15),
        _victim(rng, stage, "web", "mail", "app", "resolver"),
        service,
    )


def ddos(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """A flood from many sources; some are ordinary internet hosts turned bots."""
    bots = np.asarray(_stranger(rng, stage, min(2_000, max(8, c.flows // 4))))
    bots = np.concatenate([bots, rng.choice(stage.network.sites, max(1, bots.size // 20))])
    service = str(rng.choice(["syn_flood", "http_flood", "udp_flood"], p=[0.4, 0.35, 0.25]))
    return Moves(
        _even(rng, c), rng.choice(bots, c.flows), _victim(rng, stage, "web", "mail", "resolver"), service
    )


def exfiltration(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """Large uploads from an inside host to a stranger, or to a popular site it has no habit with."""
    target = int(_stranger(rng, stage)) if rng.random() < 0.7 else int(rng.choice(stage.network.sites))
    return Moves(_bursty(rng, c), _victim(rng, stage, "workstation", "file", "db"), target, "upload")


def beaconing(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """A bot inside calls its controller by the clock."""
    return Moves(
        _clockwork(rng, c, float(rng.choice([0.02, 0.2, 0.6]))),
        _insider(rng, stage),
        int(_stranger(rng, stage)),
        "beacon",
    )


def lateral_movement(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """A compromised host tries its neighbours and returns to those that let it in."""
    src = _insider(rng, stage)
    pool = stage.network.of_role("workstation", "file", "app", "db", "directory")
    pool = rng.choice(pool[pool != src], min(pool.size - 1, max(2, c.flows // 4)), replace=False)
    return Moves(_bursty(rng, c), src, rng.choice(pool, c.flows), "lateral")


def worm(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """Every infected host scans; their number grows as the worm spreads."""
    infected = rng.permutation(stage.network.of_role("workstation", "camera", "sensor"))[:64]
    place = np.sort(rng.random(c.flows) ** 0.45)
    grown = np.maximum(1, np.minimum(infected.size, np.exp2(place * 6.0))).astype(np.int64)
    src = infected[(rng.random(c.flows) * np.minimum(grown, infected.size)).astype(np.int64)]
    pool = np.concatenate([np.arange(stage.network.inside), stage.network.dark])
    out = rng.random(c.flows) < 0.4
    dst = np.where(out, _stranger(rng, stage, c.flows), rng.choice(pool, c.flows))
    dst = np.where(dst == src, stage.network.dark[0], dst)
    return Moves(c.start_ms + c.length_ms * place, src, dst, "worm", int(rng.choice([445, 23, 2323])))


def _cover(rng: Rng, stage: Stage, protocol: int) -> tuple[int, int, int]:
    """Source, destination and port of a habit in use that runs over this protocol."""
    names = list(SERVICES.values())
    fits = np.array([names[s].protocol == protocol for s in stage.covers[:, 2].tolist()])
    rows = stage.covers[fits] if fits.any() else stage.covers
    src, dst, service = (int(x) for x in rows[rng.integers(0, rows.shape[0])])
    salt = np.uint64(stage.network.salt)
    return src, dst, int(habit_port(src, dst, service, salt, stage.services.ports, stage.services.port_first))


def camouflaged_exfiltration(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """Uploads on a pair and port in benign use: only the sizes and times are off."""
    src, dst, port = _cover(rng, stage, TCP)
    return Moves(_bursty(rng, c), src, dst, "hidden_upload", port)


def camouflaged_c2(rng: Rng, c: Campaign, stage: Stage) -> Moves:
    """A control channel on a pair and port in benign use: calls by the clock, or a tunnel in DNS."""
    dns = (stage.covers[:, 2] == SERVICE_ID["dns"]).any()
    if dns and rng.random() < 0.35:
        src, dst, port = _cover(rng, stage, UDP)
        return Moves(_clockwork(rng, c, 0.8), src, dst, "hidden_tunnel", port)
    src, dst, port = _cover(rng, stage, TCP)
    return Moves(_clockwork(rng, c, float(rng.choice([0.05, 0.3]))), src, dst, "hidden_beacon", port)


@dataclass(frozen=True)
class AttackClass:
    """One class of attack: share of the attack flows, size and length of a campaign, and its generator."""

    share: float
    flows: int
    minutes: float
    play: Callable[[Rng, Campaign, Stage], Moves]


ATTACKS: dict[str, AttackClass] = {
    "horizontal_scan": AttackClass(0.15, 1_500, 20, horizontal_scan),
    "vertical_scan": AttackClass(0.12, 1_000, 8, vertical_scan),
    "brute_force": AttackClass(0.11, 600, 30, brute_force),
    "dos": AttackClass(0.17, 3_000, 5, dos),
    "ddos": AttackClass(0.17, 6_000, 8, ddos),
    "exfiltration": AttackClass(0.04, 40, 60, exfiltration),
    "beaconing": AttackClass(0.05, 120, 600, beaconing),
    "lateral_movement": AttackClass(0.05, 80, 90, lateral_movement),
    "worm": AttackClass(0.07, 2_500, 40, worm),
    "camouflaged_exfiltration": AttackClass(0.035, 40, 60, camouflaged_exfiltration),
    "camouflaged_c2": AttackClass(0.035, 120, 480, camouflaged_c2),
}
"""Attack classes by label, in the order of their codes (1, 2, ...; 0 is benign)."""

BENIGN = "Benign"


def play(campaign: Campaign, stage: Stage, first_ms: int, end_ms: int) -> Stream:
    """The flows of one campaign in time order, all of them in [first_ms, end_ms)."""
    rng = np.random.Generator(np.random.PCG64(campaign.seed))
    moves = ATTACKS[campaign.attack].play(rng, campaign, stage)
    size = campaign.flows
    time_ms = np.clip(moves.time_ms.astype(np.int64), first_ms, end_ms - 1)
    service = SERVICE_ID[moves.service] if isinstance(moves.service, str) else moves.service
    code = 1 + list(ATTACKS).index(campaign.attack)

    def column(value: I64 | int) -> I32:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(value, np.int32), (size,)))

    stream = Stream(
        time_ms,
        column(moves.src),
        column(moves.dst),
        column(service),
        column(moves.port),
        np.full(size, code, np.int8),
    )
    return stream.take(np.argsort(time_ms, kind="stable"))
