"""Covered: attacks found by incidents, by the labels of the flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from morpheus_gae.detect.alert_fields import AlertFields
from morpheus_gae.detect.alert_flows import addresses
from morpheus_gae.evaluate.data.campaigns import campaigns
from morpheus_gae.evaluate.labels import UNNAMED, Labels, join, labels_of
from morpheus_gae.flows.columns import FLOW_START, SRC_ADDRESSES
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.incidents.fold import Change
from morpheus_gae.incidents.incident import Incident
from morpheus_gae.incidents.kinds import kind_of
from morpheus_gae.incidents.severity import DAY_MS, LEAST_MS, false_a_day, severity
from morpheus_gae.model.memory import host_keys

STEPS = (50.0, 20.0, 5.0, 1.0, 0.1, 0.01)
"""Budgets of false incidents per day in the tables."""
BENIGN = "benign"
Key = tuple[str, int, int]


class Covered:
    """Counts, by class, the labelled flows contained in incidents.

    An attack is a campaign (``evaluate.data.campaigns``); where flows have no times, all flows of one class
    and source. It is found if a reported incident contains one of its flows.

    Parameters
    ----------
    truth
        All flows, in batches, with labels.

    Raises
    ------
    InputError
        If there are no labels.
    """

    def __init__(self, truth: Iterable[Flows]) -> None:
        parts: list[Flows] = []
        labels: list[Labels] = []
        rows = 0
        for flows in truth:
            told = labels_of(flows.table)
            rows += len(flows)
            labels.append(_of(told, told.attack))
            parts.append(flows.take(told.attack))
        self.flows: Counter[str] = Counter()
        self.attacks: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self._attack_of: dict[Key, int] = {}
        # class and attack of a batch's alerts, by id
        self._batch: dict[str, tuple[str, int]] = {}
        self._holds: dict[str, Counter[tuple[str, int]]] = {}
        self._told: list[tuple[float, str, str]] = []
        if any(len(part) for part in parts):
            self._number(concat(parts), join(labels))
        self.flows[BENIGN] = rows - sum(self.flows.values())

    def _number(self, attacks: Flows, labels: Labels) -> None:
        names = _names(labels)
        source = host_keys(attacks.src_hi, attacks.src_lo, 0)
        if (times := attacks.time_ms) is not None:
            number = campaigns(attacks, labels.kind, timed=True)
        else:
            times = np.zeros(len(attacks), np.int64)
            both = np.stack([labels.kind.astype(np.uint64), source], 1)
            number = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
        keys = zip(names, source.tolist(), times.tolist(), strict=True)
        self._attack_of = dict(zip(keys, number.tolist(), strict=True))
        self.flows.update(names)
        self.attacks.update(name for name, _ in set(zip(names, number.tolist(), strict=True)))

    def batch(self, alerts: pa.Table) -> None:
        """Set the alerts that are folded next."""
        labels = labels_of(alerts)
        fields = AlertFields.of(alerts)
        source = host_keys(*addresses(alerts, SRC_ADDRESSES), 0)
        times = fields.start_ms if FLOW_START in alerts.column_names else np.zeros(len(fields), np.int64)
        names = _names(labels)
        keys = zip(names, source.tolist(), times.tolist(), strict=True)
        told = [(key[0], -1 if key[0] == BENIGN else self._attack_of.get(key, -1)) for key in keys]
        self._batch = dict(zip(fields.id.to_pylist(), told, strict=True))
        self.alerts.update(names)

    def took(self, incident: Incident, ids: Sequence[str]) -> None:
        """Record that an incident took alerts of the batch (``Fold.watch``)."""
        self._holds.setdefault(incident.id, Counter()).update(self._batch[i] for i in ids)

    def tell(self, changes: Iterable[Change]) -> None:
        """Set the reported incidents; others are not counted."""
        for change in changes:
            found = change.incident
            self._told.append((false_a_day(found.pooled, change.daily), found.id, kind_of(found).name))

    def lines(self, first: int | None, last: int | None) -> list[str]:
        """Format the counts as Markdown tables.

        Parameters
        ----------
        first, last
            Times of the first and the last alert in milliseconds; without them one day is assumed.
        """
        days = 1.0 if first is None or last is None else max(last - first, LEAST_MS) / DAY_MS
        of = {i: _most(self._holds[i]) for _, i, _ in self._told}
        classes = [{name for name, _ in self._holds[i]} for _, i, _ in self._told]
        shared = [names for names in classes if len(names) > 1]
        told = (
            f"Incidents that hold several classes: {len(shared)}; benign flows and attacks: "
            f"{sum(BENIGN in names for names in shared)}. Each is counted by the class of most of its alerts."
        )
        return [*self._by_class(of), "", told, "", *self._by_severity(of, days)]

    def _by_class(self, of: dict[str, str]) -> list[str]:
        # alerts may be of flows outside the given truth
        kinds: dict[str, Counter[str]] = {name: Counter() for name in [*self.flows, *self.alerts]}
        for _, i, kind in self._told:
            kinds[of[i]][kind] += 1
        found = Counter(name for name, number in self._within(np.inf) if number >= 0)
        rows = []
        for name in sorted(kinds, key=lambda n: (n == BENIGN, -self.alerts[n], n)):
            words = ", ".join(f"{kind} {n}" for kind, n in kinds[name].most_common())
            attacks = ["", ""] if name == BENIGN else [f"{self.attacks[name]:,}", f"{found[name]:,}"]
            counts = [f"{self.flows[name]:,}", f"{self.alerts[name]:,}", *attacks]
            rows.append([name, *counts, f"{kinds[name].total():,}", words])
        return _table("class|flows|alerts|attacks|found|incidents|kinds", "lrrrrrl", rows)

    def _by_severity(self, of: dict[str, str], days: float) -> list[str]:
        rows = []
        for step in STEPS:
            told = [i for expected, i, _ in self._told if expected <= step]
            benign = sum(of[i] == BENIGN for i in told)
            attacks = sum(number >= 0 for _, number in self._within(step))
            counts = [f"{benign / days:.1f}", f"{len(told) - benign:,}", f"{attacks:,}"]
            rows.append([f"{step:g}", severity(step), *counts])
        whole = f"attacks found, of {sum(self.attacks.values()):,}"
        head = f"false a day at most|severity|benign a day|incidents of attacks|{whole}"
        return _table(head, "rlrrr", rows)

    def _within(self, step: float) -> set[tuple[str, int]]:
        """Count by class the attacks in incidents within a budget of false ones per day."""
        return {one for expected, i, _ in self._told if expected <= step for one in self._holds[i]}


def _table(head: str, sides: str, rows: list[list[str]]) -> list[str]:
    """Format as Markdown; ``sides`` is l or r for each column."""
    rule = "|".join("---:" if side == "r" else "---" for side in sides)
    return [f"| {head.replace('|', ' | ')} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]


def _of(labels: Labels, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Labels:
    return Labels(labels.attack[rows], labels.labelled[rows], labels.kind[rows], labels.kinds)


def _names(labels: Labels) -> list[str]:
    """Return the class of each flow."""
    kinds = [*labels.kinds, UNNAMED]
    return [
        kinds[kind] if attack else BENIGN
        for kind, attack in zip(labels.kind.tolist(), labels.attack.tolist(), strict=True)
    ]


def _most(holds: Counter[tuple[str, int]]) -> str:
    """Return the class of most flows; ties by name."""
    classes: Counter[str] = Counter()
    for (name, _), count in holds.items():
        classes[name] += count
    return min(classes, key=lambda name: (-classes[name], name))
