"""The second half of from-netflow: joins the one-way records that the source gives to flows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.stage import Operator
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.flows.pairing.pair import Pairer

ONE_WAY = (
    "Warning: the records tell one direction each and --pair_seconds 0 leaves them so: a model that was "
    "trained on two-way flows sees no bytes back"
)
MOSTLY_ALONE = 0.5
ENOUGH = 10_000


class PairFlows(Operator):
    """Gives flows on; one-way records once their partner came, or none will.

    Parameters
    ----------
    pairer
        Joins; None leaves one-way records as they are, with a warning.
    metrics
        Counts flows of two records, and records without a partner.
    wait_seconds
        A record waits at most twice so many seconds by the clock on the wall; None waits for the stream's own
        time to pass. For live streams only: with a file it would make results depend on speed.
    say
        Tells the user one line.
    exact
        Option that promises to go on after a crash as if there had been none; empty if none does.
    clock
        Reads seconds, as ``time.monotonic``.
    """

    # the second half of that stage, which users see as one
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
        """The flows that are complete now.

        Raises
        ------
        UsageError
            If records are to be joined, and yet a crash must not be seen in the result.
        """
        if self._pairer is None:
            if item.one_way and not self._warned:
                self._warned = True
                self._say(ONE_WAY)
            yield item
            return
        if item.one_way and self._exact:
            # a record that was joined already would be read again, and go out alone
            raise UsageError(
                f"{self._exact} cannot go on in the middle of pairs, and these records tell one direction "
                "each: give --pair_seconds 0, pair them before, or leave it out"
            )
        yield from self._counted(self._pairer.push(item))
        if self._wait_seconds is not None and self._pairer.waiting and self._deadline is None:
            self._wait()
        self._warn()

    def deadline(self) -> float | None:
        """When the records that wait now have waited long enough."""
        return self._deadline

    def expire(self) -> Iterator[Flows]:
        """The records that waited already when the deadline was set."""
        assert self._pairer is not None
        given = self._pairer.flush(self._until)
        self._deadline = None
        if self._pairer.waiting:
            self._wait()
        yield from self._counted(given)

    def finish(self) -> Iterator[Flows]:
        """All that still waits."""
        self._deadline = None
        if self._pairer is not None:
            yield from self._counted(self._pairer.flush())

    def _wait(self) -> None:
        assert self._pairer is not None
        assert self._wait_seconds is not None
        self._deadline, self._until = self._clock() + self._wait_seconds, self._pairer.last

    def _counted(self, given: list[Flows]) -> list[Flows]:
        assert self._pairer is not None
        # others may count into the same metrics: one for each partition of a topic
        paired, unpaired = self._told
        self._told = self._pairer.paired, self._pairer.unpaired
        self._metrics.add(paired=self._told[0] - paired, unpaired=self._told[1] - unpaired)
        return given

    def _warn(self) -> None:
        """Say so, once, when most records have no partner."""
        assert self._pairer is not None
        alone, records = self._pairer.unpaired, self._pairer.unpaired + 2 * self._pairer.paired
        if self._warned or records < ENOUGH or alone <= MOSTLY_ALONE * records:
            return
        self._warned = True
        self._say(
            f"Warning: {alone:,} of {records:,} one-way records found no partner (asymmetric routes, "
            "sampling, scans): their flows have no bytes back"
        )
