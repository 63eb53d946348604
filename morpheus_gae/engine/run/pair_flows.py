"""Pair flows: the second half of from-netflow, which pairs one-way records to flows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.stage import Operator
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.flows.pairing.pair import Pairer

ONE_WAY = Line(
    "Warning: the records tell one direction each and --pair_seconds 0 leaves them so: a model that was "
    "trained on two-way flows sees no bytes back",
    "one_way",
)
MOSTLY_ALONE = 0.5
ENOUGH = 10_000


class PairFlows(Operator):
    """Passes flows on; one-way records once they are paired or expired.

    Parameters
    ----------
    pairer
        Pairs records; None: one-way records are passed unchanged, with a warning.
    metrics
        Counts paired flows, and records without a partner.
    wait_seconds
        A record waits at most twice this wall-clock time; None: only stream time counts. For live streams
        only: with a file, results would depend on speed.
    say
        Reports one line to the user.
    exact
        Option that guarantees exact recovery after a crash; empty if none.
    clock
        Clock in seconds, like ``time.monotonic``.
    """

    # named as that stage, which users see as one
    name = "from-netflow"

    def __init__(
        self,
        pairer: Pairer | None,
        metrics: Metrics,
        wait_seconds: float | None = None,
        say: Callable[[str], None] = lambda line: None,
        exact: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pairer = pairer
        self._metrics = metrics
        self._wait_seconds = wait_seconds
        self._say = say
        self._exact = exact
        self._clock = clock
        self._deadline: float | None = None
        self._until = 0
        self._warned = False
        self._told = (0, 0)

    def process(self, item: Flows) -> Iterator[Flows]:
        """Add flows; yield the completed ones.

        Raises
        ------
        UsageError
            If records need pairing while exact recovery is required.
        """
        if self._pairer is None:
            if item.one_way and not self._warned:
                self._warned = True
                self._say(ONE_WAY)
            yield item
            return
        if item.one_way and self._exact:
            # a record that was already paired would be read again, and emitted alone
            raise UsageError(
                f"{self._exact} cannot go on in the middle of pairs, and these records tell one direction "
                "each: give --pair_seconds 0, pair them before, or leave it out"
            )
        yield from self._counted(self._pairer.push(item))
        if self._wait_seconds is not None and self._pairer.waiting and self._deadline is None:
            self._wait()
        self._warn()

    def deadline(self) -> float | None:
        """Return the deadline of the waiting records."""
        return self._deadline

    def expire(self) -> Iterator[Flows]:
        """Yield the records that were waiting when the deadline was set."""
        assert self._pairer is not None
        given = self._pairer.flush(self._until)
        self._deadline = None
        if self._pairer.waiting:
            self._wait()
        yield from self._counted(given)

    def finish(self) -> Iterator[Flows]:
        """Yield all waiting records."""
        self._deadline = None
        if self._pairer is not None:
            yield from self._counted(self._pairer.flush())

    def _wait(self) -> None:
        assert self._pairer is not None
        assert self._wait_seconds is not None
        self._deadline, self._until = self._clock() + self._wait_seconds, self._pairer.last

    def _counted(self, given: list[Flows]) -> list[Flows]:
        assert self._pairer is not None
        # metrics are shared: one instance per partition of a topic
        paired, unpaired = self._told
        self._told = self._pairer.paired, self._pairer.unpaired
        self._metrics.add(paired=self._told[0] - paired, unpaired=self._told[1] - unpaired)
        return given

    def _warn(self) -> None:
        """Warn once if most records have no partner."""
        assert self._pairer is not None
        alone, records = self._pairer.unpaired, self._pairer.unpaired + 2 * self._pairer.paired
        if self._warned or records < ENOUGH or alone <= MOSTLY_ALONE * records:
            return
        self._warned = True
        told = (
            f"Warning: {alone:,} of {records:,} one-way records found no partner (asymmetric routes, "
            "sampling, scans): their flows have no bytes back"
        )
        self._say(Line(told, "unpaired", unpaired=alone, records=records))
