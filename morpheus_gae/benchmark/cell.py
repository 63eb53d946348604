"""Cell: one variant with one workload, from its start to its row in the table."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from morpheus_gae.benchmark.process import Lost, Worker
from morpheus_gae.benchmark.status import OK
from morpheus_gae.benchmark.variants import Job, Variant

START_SECONDS = 300.0
"""For loading libraries and model, and for compiling on the first start."""


class Cell:
    """Measures a variant round by round, within its time.

    Parameters
    ----------
    variant
        What to measure.
    limit_seconds
        For all its batches, the first one included, which warms up.

    Attributes
    ----------
    status, reason
        See ``status``; the reason is empty if all is well.
    rounds
        Number of the round -> its timing.
    warm_up_counts
        The first batch is all there is: no other one fits into the time.
    facts
        What the process told at its end.
    """

    def __init__(self, variant: Variant, limit_seconds: float) -> None:
        self.variant = variant
        self.status, self.reason = OK, ""
        self.rounds: dict[int, dict[str, Any]] = {}
        self.warm_up_counts = False
        self.facts: dict[str, Any] = {}
        self._left = self._limit = limit_seconds
        self._worker: Worker | None = None
        self._first: dict[str, Any] = {}
        self._cost = 0.0
        self._batches = 0

    @property
    def alive(self) -> bool:
        """Whether there is a process to ask."""
        return self._worker is not None

    def start(self, job: Job) -> None:
        """Begin to load the variant."""
        self._worker = Worker()
        try:
            self._worker.send({"job": asdict(job)})
        except Lost as lost:
            self._lost(lost)

    def ready(self) -> None:
        """Wait until it is loaded."""
        self._ask(None, START_SECONDS)

    def warm_up(self) -> None:
        """Run a first batch, which only counts if there is no time for another."""
        answer = self._run(1, self._limit)
        if answer is None:
            return
        self._first = answer
        if self._cost > self._left:
            self._count_warm_up()

    def measure(self, number: int, batches: int, rounds_left: int) -> None:
        """Run up to so many batches as one round, as many as fit into its share of the time."""
        if not self.alive or self.warm_up_counts or self._cost > self._left:
            return
        fit = int(self._left / rounds_left / max(self._cost, 1e-9))
        # batches take turns with time to spare, so that one slow one does not lose the others
        answer = self._run(min(batches, max(fit, 1)), self._limit + self._left)
        if answer is not None:
            self.rounds[number] = answer

    def finish(self) -> None:
        """Take the facts and end the process."""
        if self._worker is None:
            return
        if not self.rounds:
            self._count_warm_up()
        try:
            self.facts = self._worker.finish()
        except Lost as lost:
            self._lost(lost)
        self._worker = None

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def give_up(self, status: str, reason: str) -> None:
        """Report this instead of a figure."""
        self.status, self.reason, self.rounds, self.warm_up_counts = status, reason, {}, False

    def _count_warm_up(self) -> None:
        self.rounds, self.warm_up_counts = {0: self._first}, True

    def _run(self, batches: int, seconds: float) -> dict[str, Any] | None:
        start = time.monotonic()
        answer = self._ask({"run": batches, "first": self._batches}, seconds)
        if answer is None:
            return None
        spent = time.monotonic() - start
        self._left -= spent
        self._cost = spent / batches
        self._batches += batches
        return {**answer["timing"], "batches": batches}

    def _ask(self, question: dict[str, Any] | None, seconds: float) -> dict[str, Any] | None:
        """Send a question, or take up one that was sent, and wait for the answer."""
        if self._worker is None:
            return None
        try:
            if question is not None:
                self._worker.send(question)
            return self._worker.answer(seconds)
        except Lost as lost:
            self._lost(lost)
            return None

    def _lost(self, lost: Lost) -> None:
        self.give_up(lost.status, lost.reason)
        self.close()
