"""Protocols: training and test sets for different practical questions.

=========== ==============================================================================================
``as_is``   train as the ``train`` command does on the earlier 80 % of the benign flows, in the order of time,
            or of the file where there are no times; test on the later ones
``temporal`` the same split, in memory
``random``  a random 80 % of the benign flows; the easiest question, for comparison with published figures
``ordered`` the same 80 %, left in their order and trained on as in ``as_is``: what if training had seen every
            part of the time, but validation and thresholds, as ever, only the last?
``dirty=X`` ``temporal`` with a share X of attacks hidden among the training flows, whole campaigns; tested
            with the attacks of others, and, apart, with other campaigns of the same attackers.
            ``as_is+dirty=X`` and ``random+dirty=X`` do so on another split; ``dirty`` is 0, 1, 5 and 10 %
``drift``   train on the first half of the benign flows, and look at each tenth of what comes later
``cold``    a model of another network, on all flows of this one
=========== ==============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from morpheus_gae.errors import InputError, UsageError
from morpheus_gae.evaluate.data.as_is import as_is
from morpheus_gae.evaluate.data.dirty import dirty
from morpheus_gae.evaluate.data.split import split_benign
from morpheus_gae.evaluate.data.streams import STREAMS, file_order, stream
from morpheus_gae.evaluate.detectors import unlabelled
from morpheus_gae.evaluate.labels import Labels, labels_of
from morpheus_gae.flows.frame import Flows

SPLITS = ("as_is", "temporal", "random", "ordered")
LATER = ("drift", "cold")
LEVELS = ("0%", "1%", "5%", "10%")
ALL, OTHERS, SAME = "all", "others", "same"


@dataclass(frozen=True)
class Protocol:
    """A protocol, as it was asked for.

    Attributes
    ----------
    name
        In tables.
    base
        ``as_is``, ``temporal``, ``random``, ``ordered``, ``drift`` or ``cold``.
    dirt
        Share of attacks hidden among the training flows; None: none, and no attackers set apart.
    """

    name: str
    base: str
    dirt: float | None = None

    @property
    def over_time(self) -> bool:
        """Whether each later tenth of the time is told."""
        return self.base in LATER


@dataclass(frozen=True)
class Trial:
    """A labelled stream to score.

    Attributes
    ----------
    stream
        Its name.
    attackers
        ``all``; of a dirty protocol ``others`` than those hidden in training, or the ``same``.
    flows, labels
        The stream.
    """

    stream: str
    attackers: str
    flows: Flows
    labels: Labels


@dataclass(frozen=True)
class Case:
    """What one seed of a protocol asks of every detector.

    Attributes
    ----------
    train
        Flows without labels, in the order in which they are trained on.
    trials
        Streams to score.
    facts
        For tables and JSON: ``train_flows``, and of a dirty protocol what is hidden, see ``dirty.Dirty``.
    """

    train: Flows
    trials: list[Trial]
    facts: dict[str, Any] = field(default_factory=dict)


def parse(texts: Sequence[str]) -> tuple[Protocol, ...]:
    """Protocols by name, in order, none twice.

    Raises
    ------
    UsageError
        If one of them does not exist.
    """
    out: list[Protocol] = []
    for text in texts:
        for name in filter(None, (part.strip() for part in text.split(","))):
            out += _parsed(name)
    return tuple(dict.fromkeys(out))


def _parsed(name: str) -> list[Protocol]:
    if name in (*SPLITS, *LATER):
        return [Protocol(name, name)]
    found = re.fullmatch(r"(?:(as_is|temporal|random|ordered)\+)?dirty(?:=([\d.]+)(%?))?", name)
    if found is None:
        hint = f"; {name} is a stream: give it with --streams" if name in STREAMS else ""
        raise UsageError(
            f"unknown protocol {name!r}: choose of {', '.join((*SPLITS, *LATER))}, dirty=1%, as_is+dirty=1%, "
            f"random+dirty=1% (dirty alone: {', '.join(LEVELS)}){hint}"
        )
    base, number, per_cent = found.groups()
    if number is None:
        return [p for level in LEVELS for p in _parsed(f"{name}={level}")]
    try:
        share = float(number) / (100 if per_cent else 1)
    except ValueError:
        share = 1.0
    if not share < 1:
        raise UsageError(f"{name}: the share of hidden attacks must be below 1, as in dirty=1%")
    prefix = f"{base}+" if base else ""
    return [Protocol(f"{prefix}dirty={100 * share:g}%", base or "temporal", share)]


def case(
    protocol: Protocol,
    flows: Flows,
    streams: Sequence[str],
    seed: int,
    folder: Path,
    other: Flows | None = None,
) -> Case:
    """What a protocol asks of a set.

    Parameters
    ----------
    protocol
        Which.
    flows
        Labelled, in file order, ``rows`` rising; unlabelled ones are left out.
    streams
        Names of ``STREAMS``; over time there is ``file`` alone.
    seed
        Of splits, streams and what is hidden.
    folder
        For the file of ``as_is``.
    other
        Labelled flows of another network, for ``cold``; None if its models are trained already.

    Raises
    ------
    InputError
        If benign flows are missing, or attacks where the protocol needs them.
    """
    benign, attacks = parts(flows)
    if not len(benign):
        raise InputError(f"no benign flow among {len(flows):,} flows: nothing to train on or to test with")
    if protocol.over_time:
        return _later(protocol, benign, attacks, other)
    if not len(attacks):
        raise InputError(f"no attack among {len(flows):,} flows: protocol {protocol.name} tests with attacks")
    timed = benign.time_ms is not None and attacks.time_ms is not None
    shuffled = protocol.base in ("random", "ordered")
    known, test = split_benign(benign, "random" if shuffled else "temporal", seed)
    if protocol.base == "ordered":
        known = in_time(known.take(np.argsort(known.rows, kind="stable")))
    train, facts = known, {}
    asked = {ALL: attacks}
    if protocol.dirt is not None:
        found = dirty(known, attacks, protocol.dirt, seed, timed=timed and protocol.base != "random")
        train, facts = found.train, found.facts
        asked = {name: a for name, a in ((OTHERS, found.others), (SAME, found.same)) if len(a)}
        if not asked:
            raise InputError("all attacks are hidden among the training flows: none is left to test with")
    if protocol.base in ("as_is", "ordered"):
        # in the order of the file: that of time is for the reader to find
        train = as_is(train.take(np.argsort(train.rows, kind="stable")), folder)
    train = unlabelled(train)
    trials = []
    for attackers, given in asked.items():
        for name in streams:
            mixed = stream(name, test, given, seed, donors=known)
            trials.append(Trial(name, attackers, mixed, labels_of(mixed.table)))
    return Case(train, trials, {"train_flows": len(train), **facts})


def _later(protocol: Protocol, benign: Flows, attacks: Flows, other: Flows | None) -> Case:
    """Cases over time: the model was trained before, or elsewhere."""
    mixed = in_time(file_order(benign, attacks))
    if protocol.base == "cold":
        train = unlabelled(other if other is not None else benign.slice(0, 0))
        return Case(train, [_as_recorded(mixed)], {"train_flows": len(train)})
    benign = in_time(benign)
    cut = len(benign) // 2
    train, rest = benign.slice(0, cut), benign.slice(cut, len(benign))
    if not len(rest) or not len(train):
        raise InputError(f"{len(benign):,} benign flows: too few to train on a half of them")
    if mixed.time_ms is not None and rest.time_ms is not None:
        later = mixed.time_ms >= rest.time_ms[0]
    else:
        later = mixed.rows >= rest.rows[0]
    # of flows that begin at the very moment of the cut some were trained on
    later &= ~np.isin(mixed.rows, train.rows)
    return Case(unlabelled(train), [_as_recorded(mixed.take(later))], {"train_flows": len(train)})


def in_time(flows: Flows) -> Flows:
    """By start time where every flow has one, else as they are."""
    times = flows.time_ms
    if times is None or not np.any(np.diff(times) < 0):
        return flows
    return flows.take(np.argsort(times, kind="stable"))


def parts(flows: Flows) -> tuple[Flows, Flows]:
    """Benign flows, and attacks; unlabelled ones are in neither."""
    labels = labels_of(flows.table)
    benign = flows.take(labels.labelled & ~labels.attack)
    return benign, flows.take(labels.labelled & labels.attack)


def _as_recorded(flows: Flows) -> Trial:
    return Trial("file", ALL, flows, labels_of(flows.table))


def other_network(flows: Flows) -> Flows:
    """What a model of another network is trained on: the earlier 80 % of its benign flows."""
    benign, _ = parts(flows)
    return split_benign(benign, "temporal", 0)[0]
