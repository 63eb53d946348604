"""monitor: passes windows through and reports the rate on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.stage import Operator


class Monitor(Operator):
    """A progress bar on a terminal; elsewhere one line at the end.

    Parameters
    ----------
    metrics
        Metrics, read only.
    total_bytes
        Bytes of all input, or None if unknown.
    description
        Label of the bar.
    terminal
        Whether stderr is one.
    say
        Reports one line to the user.
    """

    name = "monitor"

    def __init__(
        self,
        metrics: Metrics,
        total_bytes: int | None,
        say: Callable[[str], None],
        description: str = "flows",
        terminal: bool | None = None,
    ) -> None:
        self._metrics = metrics
        self._total = total_bytes
        self._say = say
        self._description = description
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bar: Any = None

    def process(self, item: Any) -> Iterator[Any]:
        """Return the item unchanged."""
        if self._terminal:
            self._show()
        yield item

    def finish(self) -> tuple[()]:
        """Report the rate if there was no bar."""
        if not self._terminal:
            m = self._metrics
            told = f"{self._description}: {m.flows:,} flows, {m.flows_per_second:,.0f} flows/s"
            self._say(Line(told, "rate", flows=m.flows))
        return ()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()

    def _show(self) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._total,
                desc=self._description,
                unit="B",
                unit_scale=True,
                file=sys.stderr,
                leave=False,
            )
        m = self._metrics
        self._bar.set_postfix_str(f"{m.flows_per_second:,.0f} flows/s, {m.alerts:,} alerts", refresh=False)
        self._bar.update(m.bytes_read - self._bar.n)
