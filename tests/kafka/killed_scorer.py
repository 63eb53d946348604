"""The ``morpheus`` command with a toy model, which kills itself (SIGKILL) at a step of its transactions.

The steps are counted: before and after each message is handed over, and before and after each call to the
transaction coordinator. ``KILL_AT`` in the environment says which one; 0 is none. What was handed over is
with the broker by then at even numbers, and maybe not at odd ones. ``commit:3`` is the moment when all of the
third transaction is with the broker, and nothing of it is committed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import morpheus_gae.executors.open
from morpheus_gae.cli.morpheus import main
from morpheus_gae.kafka.outbox import Outbox
from morpheus_gae.kafka.transactions import Transactions
from tests.cli.toy_morpheus import open_toy


class Steps:
    """Counts steps and ends the process at one of them."""

    def __init__(self, last: str) -> None:
        self.commit = last.startswith("commit:")
        self.last, self.done = int(last.removeprefix("commit:")), 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(transactions: Transactions, *args: Any, **kwargs: Any) -> Any:
            self._step(transactions)
            result = function(transactions, *args, **kwargs)
            self._step(transactions)
            return result

        return counted

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(transactions: Transactions, *args: Any, **kwargs: Any) -> Any:
            self._step(transactions, commit=True)
            return function(transactions, *args, **kwargs)

        return counted

    def _step(self, transactions: Transactions, commit: bool = False) -> None:
        self.done += commit == self.commit
        if self.done == self.last and commit == self.commit:
            if commit or self.last % 2 == 0:
                Outbox.flush(transactions)
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    steps = Steps(os.environ.get("KILL_AT", "0"))
    Transactions.send = steps.around(Transactions.send)  # type: ignore[method-assign]
    Transactions.commit = steps.before(Transactions.commit)  # type: ignore[method-assign]
    Transactions._step = steps.around(Transactions._step)  # type: ignore[method-assign]
    morpheus_gae.executors.open.open_executor = open_toy
    main()
