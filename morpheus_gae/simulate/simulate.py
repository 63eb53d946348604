"""Flows of a simulated network, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from morpheus_gae.errors import UsageError
from morpheus_gae.simulate.network.endpoints import Endpoints, run_endpoints
from morpheus_gae.simulate.network.load import Load
from morpheus_gae.simulate.network.network import Network
from morpheus_gae.simulate.network.services import ServiceArrays, service_arrays
from morpheus_gae.simulate.rng import stream_seed
from morpheus_gae.simulate.traffic.attacks import Stage
from morpheus_gae.simulate.traffic.benign import Benign
from morpheus_gae.simulate.traffic.campaigns import Attacks, attack_names, covers, mixed, plan
from morpheus_gae.simulate.traffic.drift import EPOCH_MS, Drift, drift_kinds, holidays
from morpheus_gae.simulate.traffic.tables import Tables

__all__ = ["Network", "Run", "simulate", "simulate_table"]

START_MS = EPOCH_MS
"""Monday, 3 March 2025, 08:00 UTC: a working day begins."""
MOST_DAYS = 3_660


@dataclass(frozen=True)
class Run:
    """A planned simulation: what is needed to draw its rows.

    Attributes
    ----------
    network, endpoints, services, benign, attacks, drift
        The parts; no drift for a network that stays as it is.
    seed
        Of the run.
    """

    network: Network
    endpoints: Endpoints
    services: ServiceArrays
    benign: Benign
    attacks: Attacks
    seed: int
    drift: Drift | None = None

    @classmethod
    def plan(
        cls,
        network: Network,
        flows: int,
        seed: int = 0,
        start_ms: int = START_MS,
        attack_share: float = 0.02,
        attacks: str | Sequence[str] = "all",
        days: float | None = None,
        drift: str | Sequence[str] = "none",
        campaigns: str = "short",
    ) -> Run:
        """Plan a run; see :func:`simulate`."""
        names = attack_names(attacks)
        kinds = drift_kinds(drift)
        if campaigns not in ("short", "long"):
            raise UsageError(f"unknown campaigns {campaigns!r}: choose short or long")
        if flows < 1:
            raise UsageError(f"the number of flows must be positive, and is {flows}")
        if not 0.0 <= attack_share < 1.0:
            raise UsageError(f"the attack share must lie in [0, 1), and is {attack_share}")
        if seed < 0:
            raise UsageError(f"the seed must not be negative, and is {seed}")
        if days is not None and not 0 < days <= MOST_DAYS:
            raise UsageError(f"the number of days must be above 0 and at most {MOST_DAYS:,}, and is {days:g}")
        if not 0 <= start_ms < 1 << 50:
            raise UsageError(f"the start must be milliseconds since 1970, not {start_ms}")
        attack_flows = round(flows * attack_share) if names else 0
        benign_flows = flows - attack_flows
        if network.hub is not None and benign_flows < 2 * network.hosts:
            raise UsageError(
                f"a hub that talks to {network.hosts} hosts needs at least {2 * network.hosts} benign flows, "
                f"not {benign_flows}: raise the number of flows or lower the number of hosts"
            )
        habits = network.habits
        periodic = habits.period_ms > 0
        rates = np.bincount(habits.curve[~periodic], habits.per_day[~periodic], 4).astype(np.float64)
        days_off = holidays(network.seed) if "holidays" in kinds else None
        load = Load(rates, float(habits.per_day[periodic].sum()), start_ms, days_off)
        natural = load.days_for(benign_flows)
        length = natural if days is None else days
        scale = 1.0 if days is None else benign_flows / load.flows(days)
        strangers = int(np.clip(attack_flows // 16, 64, 50_000)) if attack_flows else 0
        endpoints = run_endpoints(network, start_ms, length, seed, strangers)
        benign = Benign(network, endpoints, load, benign_flows, length, scale, seed)
        services = service_arrays()
        change = Drift(network, kinds) if kinds else None
        stage = Stage(network, endpoints, services, covers(benign, change)) if attack_flows else None
        planned = plan(names, attack_flows, benign.start_ms, benign.end_ms, seed, long=campaigns == "long")
        return cls(
            network=network,
            endpoints=endpoints,
            services=services,
            benign=benign,
            attacks=Attacks(planned, stage, benign.start_ms, benign.end_ms),
            seed=seed,
            drift=change,
        )

    def blocks(self) -> Iterator[pa.Table]:
        """Tables in time order, one for each block of the run; can be walked through once."""
        tables = Tables(self.endpoints, self.network)
        for block, stream in enumerate(mixed(self.benign, self.attacks, self.drift)):
            yield tables.table(stream, stream_seed(self.seed, 30, block), self.services)


def simulate(
    network: Network,
    flows: int,
    seed: int = 0,
    start_ms: int = START_MS,
    attack_share: float = 0.02,
    attacks: str | Sequence[str] = "all",
    chunk: int = 200_000,
    days: float | None = None,
    drift: str | Sequence[str] = "none",
    campaigns: str = "short",
) -> Iterator[pa.Table]:
    """Flows of a network in time order.

    Parameters
    ----------
    network
        Whose flows.
    flows
        Exact number of flows, attacks included.
    seed
        Randomness of this run: another seed is another day on the same network.
    start_ms
        Start, milliseconds since the epoch (UTC); the load follows hour and weekday.
    attack_share
        Share of the flows that belong to attacks.
    attacks
        ``"all"``, ``"none"``, or names of :data:`morpheus_gae.simulate.traffic.attacks.ATTACKS`.
    chunk
        Rows of each table (the last may be shorter). The rows themselves do not depend on it.
    days
        Length of the run; by default as long as the network's own load needs for that many flows.
    drift
        How the network changes as weeks go by: ``"none"``, ``"all"``, or names of
        :data:`morpheus_gae.simulate.traffic.drift.KINDS`.
    campaigns
        ``"short"``: attacks last minutes; ``"long"``: hours to weeks.

    Yields
    ------
    pyarrow.Table
        ``FLOW_START_MILLISECONDS`` int64, ``IPV4_SRC_ADDR``, ``IPV4_DST_ADDR`` dictionary of string,
        ``L4_SRC_PORT``, ``L4_DST_PORT`` int32, ``IPV6_SRC_ADDR``, ``IPV6_DST_ADDR`` (if the network has IPv6;
        the family that a flow does not use is null), ``PROTOCOL`` uint8, ``IN_BYTES``, ``OUT_BYTES``,
        ``IN_PKTS``, ``OUT_PKTS`` int64 (bytes and packets of source and destination),
        ``FLOW_DURATION_MILLISECONDS`` float64 (a few null), ``Label`` int8, ``Attack`` dictionary of string.

    Raises
    ------
    UsageError
        If a value is out of its range.
    """
    if chunk < 1:
        raise UsageError(f"a chunk must have at least one row, not {chunk}")
    run = Run.plan(network, flows, seed, start_ms, attack_share, attacks, days, drift, campaigns)
    return _cut(run.blocks(), chunk)


def _cut(blocks: Iterator[pa.Table], chunk: int) -> Iterator[pa.Table]:
    """The same rows in tables of ``chunk`` rows."""
    held: list[pa.Table] = []
    rows = 0
    for block in blocks:
        held.append(block)
        rows += block.num_rows
        if rows >= chunk:
            whole = pa.concat_tables(held)
            while rows >= chunk:
                yield whole.slice(0, chunk)
                whole = whole.slice(chunk)
                rows -= chunk
            held = [whole] if rows else []
    if rows:
        yield pa.concat_tables(held)


def simulate_table(
    network: Network,
    flows: int,
    seed: int = 0,
    start_ms: int = START_MS,
    attack_share: float = 0.02,
    attacks: str | Sequence[str] = "all",
    chunk: int = 200_000,
    days: float | None = None,
    drift: str | Sequence[str] = "none",
    campaigns: str = "short",
) -> pa.Table:
    """All flows of :func:`simulate` in one table."""
    parts = simulate(network, flows, seed, start_ms, attack_share, attacks, chunk, days, drift, campaigns)
    return pa.concat_tables(list(parts))
