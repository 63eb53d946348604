"""Held: applies suppression rules to alerts and incidents of files, and counts."""

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
    """Rules at one point in time, with their counts.

    Parameters
    ----------
    rules
        In order: the first match applies.
    now
        Time, with time zone.

    Attributes
    ----------
    flows, incidents
        Suppressed numbers, by rule name.
    expired
        Expired rules.
    """

    def __init__(self, rules: Sequence[Rule], now: datetime) -> None:
        self._rules, self._now = rules, now
        self.flows: Counter[str] = Counter()
        self.incidents: Counter[str] = Counter()
        self.expired = [rule for rule in rules if rule.expired(now)]

    def alerts(self, table: pa.Table) -> pa.Table:
        """Return the unsuppressed rows of validated alert rows (``incidents.alerts_file``)."""
        import pyarrow as pa

        from morpheus_gae.suppress.rows import Rows

        if not self._rules or not table.num_rows:
            return table
        found = which(self._rules, Rows.of_alerts(table), self._now)
        self.flows.update(self._rules[i].name for i in found[found != NONE].tolist())
        return table.filter(pa.array(found == NONE))

    def changes(self, changes: Sequence[Change]) -> list[Change]:
        """Return the unsuppressed incidents; each suppressed change counts as one."""
        kept, held = self.split(changes)
        self.incidents.update(rule.name for _, rule in held)
        return kept

    def split(self, changes: Sequence[Change]) -> tuple[list[Change], list[tuple[Change, Rule]]]:
        """Split into unsuppressed incidents, and suppressed ones with their rule; without counting."""
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
        """Describe suppressed numbers and expired rules, one fact per line."""
        told = [f"Warning: rule {rule.name} has expired and counts no more" for rule in self.expired]
        for what, counts in (("alerts", self.flows), ("incidents", self.incidents)):
            told += [f"Suppressed: {n:,} {what} by rule {name}" for name, n in sorted(counts.items())]
        return told
