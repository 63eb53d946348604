"""Plan: which workloads are measured, and why each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from morpheus_gae.benchmark.traffic import LEAST_FLOWS, LEAST_HOSTS, MOST_HOSTS, REGIMES, Workload
from morpheus_gae.benchmark.variants import Variant
from morpheus_gae.errors import UsageError

SIZES, FLOWS, HOSTS = "sizes", "flows", "hosts"
SCALINGS = (FLOWS, HOSTS)
HOST_STEPS = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)
FLOW_STEPS = 5
HOST_FLOWS = 250_000
"""Flows of the workloads that differ in hosts, at most."""


@dataclass(frozen=True)
class Plan:
    """Everything a benchmark can be told.

    Attributes
    ----------
    variants
        What is compared.
    model
        Folder of the model that our variants run.
    batch_sizes, batches
        Flows of a batch, and batches of each size.
    hosts
        Of a batch, where it has room for them.
    regimes
        Of ``traffic.REGIMES``.
    scaling
        Of ``SCALINGS``: further workloads, of the first regime.
    graph_size
        Flows of a graph; None: a batch is one graph.
    repeats
        Rounds in which the variants take turns.
    limit_seconds, limit_memory
        Of one variant with one workload; None: no limit of memory.
    known_share
        Share of the pairs that the model's memory knows.
    arrival_rate, arrival_seconds, window_seconds, alert_rate
        Of the time to alert; a rate of 0 leaves it out.
    seed
        Of the traffic.
    """

    variants: Sequence[Variant]
    model: str
    batch_sizes: Sequence[int]
    batches: int = 32
    hosts: int = 20_000
    regimes: Sequence[str] = ("client",)
    scaling: Sequence[str] = ()
    graph_size: int | None = None
    repeats: int = 4
    limit_seconds: float = 15.0
    limit_memory: int | None = None
    known_share: float = 0.9
    arrival_rate: float = 20_000.0
    arrival_seconds: float = 5.0
    window_seconds: float = 1.0
    alert_rate: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        for names, known, what in (
            (self.regimes, REGIMES, "regime"),
            (self.scaling, SCALINGS, "scaling"),
        ):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise UsageError(f"unknown {what} {unknown[0]!r}: choose of {', '.join(known)}")
        if not self.regimes:
            raise UsageError(f"no regime given: choose of {', '.join(REGIMES)}")
        if not self.batch_sizes or min(self.batch_sizes) < LEAST_FLOWS:
            raise UsageError(f"a batch needs at least {LEAST_FLOWS:,} flows: see --batch_size")
        if not LEAST_HOSTS <= self.hosts <= MOST_HOSTS:
            raise UsageError(f"--hosts {self.hosts} is not between {LEAST_HOSTS} and {MOST_HOSTS:,}")

    @property
    def workloads(self) -> dict[Workload, list[str]]:
        """Workloads, small ones first, each with the reasons it is measured for."""
        found: dict[Workload, list[str]] = {}

        def add(reason: str, regime: str, flows: int, hosts: int) -> None:
            reasons = found.setdefault(Workload(regime, flows, hosts, self.seed), [])
            if reason not in reasons:
                reasons.append(reason)

        sizes = sorted(set(self.batch_sizes))
        for regime in self.regimes:
            for flows in sizes:
                add(SIZES, regime, flows, self.hosts)
        if FLOWS in self.scaling:
            for x in np.geomspace(sizes[0], sizes[-1], FLOW_STEPS):
                add(FLOWS, self.regimes[0], round(x), self.hosts)
        if HOSTS in self.scaling:
            flows = max([size for size in sizes if size <= HOST_FLOWS] or sizes[:1])
            for step in HOST_STEPS:
                hosts = round(self.hosts * step)
                if LEAST_HOSTS <= hosts <= flows // 4:
                    add(HOSTS, self.regimes[0], flows, hosts)
        order = {regime: i for i, regime in enumerate(self.regimes)}
        return dict(
            sorted(found.items(), key=lambda item: (order[item[0].regime], item[0].flows, item[0].hosts))
        )
