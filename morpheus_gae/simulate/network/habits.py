"""Habits: which hosts communicate with which service, drawn once per network from the rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morpheus_gae.simulate.network.roles import ALWAYS, EVERYONE, RULES, Rule
from morpheus_gae.simulate.network.services import SERVICE_ID

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
Rng = np.random.Generator

DAY_S = 86_400.0


@dataclass(frozen=True)
class Habits:
    """K habits; a pair of hosts may have several.

    Attributes
    ----------
    src, dst
        int32 [K]: endpoints.
    service
        int32 [K].
    per_day
        float64 [K]: mean flows a day.
    curve
        int32 [K]: load curve.
    period_ms
        int64 [K]: milliseconds between flows of a strictly periodic habit, else 0.
    """

    src: I32
    dst: I32
    service: I32
    per_day: F64
    curve: I32
    period_ms: I64


def zipf_cdf(size: int, exponent: float) -> F64:
    """Cumulative shares of ranks 1 to ``size``."""
    weight = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(np.cumsum(weight) / weight.sum())


def _partner_counts(rng: Rng, clients: int, mean: float, most: int) -> I64:
    if mean <= 3:
        count = np.floor(mean + rng.random(clients))
    else:
        count = np.rint(mean * np.exp(rng.normal(-0.125, 0.5, clients)))
    return np.clip(count, 1, most).astype(np.int64)


def draw_habits(
    rng: Rng, rule: Rule, clients: I64, servers: I64, activity: F64, zipf: float
) -> tuple[Habits, I64] | None:
    """Habits of one rule, and for each the index of its client within ``clients``.

    ``clients`` and ``servers`` are endpoints, ``activity`` float64 the load of each client (mean about 1).
    """
    if rule.share < 1.0:
        keep = rng.random(clients.size) < rule.share
        clients, activity = clients[keep], activity[keep]
    if clients.size == 0 or servers.size == 0:
        return None
    if rule.server == EVERYONE:
        owner = np.repeat(np.arange(clients.size), servers.size)
        dst = np.tile(servers, clients.size)
    else:
        counts = _partner_counts(rng, clients.size, rule.partners, servers.size)
        owner = np.repeat(np.arange(clients.size), counts)
        rank = np.searchsorted(zipf_cdf(servers.size, zipf), rng.random(owner.size), side="right")
        dst = servers[np.minimum(rank, servers.size - 1)]
        itself = dst == clients[owner]
        dst = np.where(itself, servers[(rank + 1) % servers.size], dst)
    keep = dst != clients[owner]
    owner, dst = owner[keep], dst[keep]
    size = owner.size
    share = np.exp(rng.normal(0.0, 1.0, size))
    share /= np.bincount(owner, share, clients.size)[owner]
    periodic = len(rule.periods) > 0
    period = np.zeros(size, np.int64)
    per_day = rule.per_day * activity[owner] * share
    if periodic:
        period = rng.choice(np.array(rule.periods, np.int64), size) * 1000
        per_day = DAY_S * 1000.0 / period
    full = np.full
    habits = Habits(
        src=clients[owner].astype(np.int32),
        dst=dst.astype(np.int32),
        service=full(size, SERVICE_ID[rule.service], np.int32),
        per_day=per_day,
        curve=full(size, ALWAYS if periodic else rule.curve, np.int32),
        period_ms=period,
    )
    return habits, owner


def all_habits(
    rng: Rng,
    by_role: dict[str, I64],
    everyone: I64,
    groups: dict[str, I64],
    local6: I64 | None,
    activity: F64,
) -> Habits:
    """Every habit of a network.

    Parameters
    ----------
    rng
        Source of randomness, of the network.
    by_role
        Hosts of each role, in order of popularity.
    everyone
        Inside hosts.
    groups
        Group endpoints by name; ``"subnet"`` has one endpoint for each host.
    local6
        int64 [hosts]: link-local endpoint of each host, or None without IPv6 (no rules on IPv6 groups then).
    activity
        float64 [hosts]: load of each host.
    """
    parts: list[Habits] = []
    for rule in RULES:
        clients = by_role.get(rule.client, np.zeros(0, np.int64))
        if rule.server in groups:
            if rule.server.endswith("6") and local6 is None:
                continue
            targets = groups[rule.server]
            if rule.server == "subnet":
                pieces = [
                    draw_habits(
                        rng, rule, clients[targets[clients] == t], np.array([t]), activity[clients], 0.0
                    )
                    for t in np.unique(targets[clients])
                ]
                parts += [p[0] for p in pieces if p is not None]
                continue
            sources = local6[clients] if rule.server.endswith("6") and local6 is not None else clients
            drawn = draw_habits(rng, rule, sources, targets, activity[clients], 0.0)
        else:
            servers = everyone if rule.server == EVERYONE else by_role.get(rule.server, np.zeros(0, np.int64))
            zipf = 0.9 if rule.server == "site" else 0.4
            drawn = draw_habits(rng, rule, clients, servers, activity[clients], zipf)
        if drawn is not None:
            parts.append(drawn[0])
    return concat_habits(parts)


def concat_habits(parts: list[Habits]) -> Habits:
    """Join lists of habits."""
    return Habits(
        src=np.concatenate([p.src for p in parts]),
        dst=np.concatenate([p.dst for p in parts]),
        service=np.concatenate([p.service for p in parts]),
        per_day=np.concatenate([p.per_day for p in parts]),
        curve=np.concatenate([p.curve for p in parts]),
        period_ms=np.concatenate([p.period_ms for p in parts]),
    )
