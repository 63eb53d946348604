"""Policy: forbidden traffic, as rules of a TOML file; incidents that violate one are marked.

::

    [[deny]]
    name = "no remote desktop from guests"
    source = "10.9.0.0/16"
    destination = "10.0.0.0/8"
    ports = [3389]
    reason = "guests have no business on servers"

Only flagged flows are tested: a policy classifies incidents, it is not a firewall.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from morpheus_gae.errors import InputError
from morpheus_gae.suppress.match import holds
from morpheus_gae.suppress.read import read_rules

if TYPE_CHECKING:
    from morpheus_gae.incidents.fold import Change
    from morpheus_gae.suppress.rule import Rule

TABLE = "deny"


def read_policy(path: str) -> list[Rule]:
    """Read the rules of a file, with the suppression keys for hosts and services.

    Raises
    ------
    InputError
        As in ``read_rules``, and if a rule has ``kind``, ``why`` or surprise.
    """
    rules = read_rules(path, TABLE)
    for rule in rules:
        if any(told is not None for told in (rule.kinds, rule.why, rule.least, rule.most)):
            raise InputError(
                f"{path}: rule {rule.name!r}: a policy speaks of hosts and services: kind, why, min_surprise "
                "and max_surprise have no place in it"
            )
    return rules


def mark(rules: Sequence[Rule], changes: Sequence[Change], now: datetime | None = None) -> None:
    """Mark incidents with the first rule that all of their hosts and services match.

    Parameters
    ----------
    rules
        In order; expired ones are ignored.
    changes
        Their incidents get a mark (``Incident.policy``), or lose one that no longer applies.
    now
        Time, with time zone; now by default.
    """
    now = datetime.now(timezone.utc) if now is None else now
    counting = [rule for rule in rules if not rule.expired(now)]
    for change in changes:
        found = change.incident
        found.policy = next((rule.name for rule in counting if holds(rule, found)), "")
