"""Held: alerts of a file, and incidents, without what rules hold back, which is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from morpheus_gae.suppress.match import NONE, which, which_incident
from morpheus_gae.suppress.rule import Rule

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.incidents.fold import Change


class Held:
    """Rules at one moment, and what they held back.

    Parameters
    ----------
    rules
        In order: the first that fits counts.
    now
        With a time zone.

    Attributes
    ----------
    flows, incidents
        How many each rule held back, by its name.
    expired
        Rules that count no more.
    """

    def __init__(self, rules: Sequence[Rule], now: datetime) -> None:
        self._rules, self._now = rules, now
        self.flows: Counter[str] = Counter()
        self.incidents: Counter[str] = Counter()
        self.expired = [rule for rule in rules if rule.expired(now)]

    def alerts(self, table: pa.Table) -> pa.Table:
        """The rows that no rule holds back, of checked alert rows (``incidents.alerts_file``)."""
        import pyarrow as pa

        from morpheus_gae.suppress.rows import Rows

        if not self._rules or not table.num_rows:
            return table
        found = which(self._rules, Rows.of_alerts(table), self._now)
        self.flows.update(self._rules[i].name for i in found[found != NONE].tolist())
        return table.filter(pa.array(found == NONE))

    def changes(self, changes: Sequence[Change]) -> list[Change]:
        """The incidents that no rule of a kind holds back; each change that is counts as one."""
        kept, held = self.split(changes)
        self.incidents.update(rule.name for _, rule in held)
        return kept

    def split(self, changes: Sequence[Change]) -> tuple[list[Change], list[tuple[Change, Rule]]]:
        """Incidents that no rule of a kind holds back, and the others with the rule; none is counted."""
        from morpheus_gae.incidents.kinds import kind_of

        kept, held = [], []
        for change in changes:
            kind = kind_of(change.incident).name
            i = which_incident(self._rules, change.incident, kind, self._now)
            if i == NONE:
                kept.append(change)
            else:
                held.append((change, self._rules[i]))
        return kept, held

    def lines(self) -> list[str]:
        """What was held back, and which rules count no more: one fact a line."""
        told = [f"Warning: rule {rule.name} has expired and counts no more" for rule in self.expired]
        for what, counts in (("alerts", self.flows), ("incidents", self.incidents)):
            told += [f"Suppressed: {n:,} {what} by rule {name}" for name, n in sorted(counts.items())]
        return told
