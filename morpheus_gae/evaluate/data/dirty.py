"""Dirty: training flows contaminated with attack campaigns, as on a real network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.data.campaigns import campaigns, draw, sides
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.flows.frame import Flows, concat

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dirty:
    """Contaminated training flows, and the remaining attacks for tests.

    Attributes
    ----------
    train
        In the order of time if ``timed``, else with campaigns as runs; labels are for the caller to drop.
    others
        Attacks of other attackers, sharing no source and no pair with hidden ones. May be empty.
    same
        Other campaigns of the hidden attackers. May be empty.
    facts
        ``hidden_flows``, ``hidden_share``, ``hidden_campaigns``, ``hidden_classes`` (flows of each),
        ``cut`` (a campaign had to be cut short).
    """

    train: Flows
    others: Flows
    same: Flows
    facts: dict[str, Any]


def dirty(train: Flows, attacks: Flows, share: float, seed: int, *, timed: bool) -> Dirty:
    """Hide attacks among benign training flows.

    Parameters
    ----------
    train
        Benign flows, in the order in which they are trained on.
    attacks
        Labelled, in file order.
    share
        Of attacks among the training flows, in [0, 1); less where there are too few. What is left to test
        with, ``others``, does not depend on it.
    seed
        Of who is hidden, which campaigns, and where.
    timed
        Campaigns come at their own time, those outside of the training time moved into it as a whole.
        Otherwise each comes as one run at a random place.

    Raises
    ------
    InputError
        If there are no attacks.
    """
    if not len(attacks):
        raise InputError("training flows are made dirty with attacks, and the set has none")
    labels = labels_of(attacks.table)
    campaign = campaigns(attacks, labels.kind, timed=timed)
    dealt = sides(attacks, campaign, seed)
    chosen, cut = draw(campaign, dealt.hidden, round(len(train) * share / (1 - share)), seed)
    rng = np.random.default_rng([seed, 10])
    hidden, of = attacks.take(chosen), campaign[chosen]
    both = concat([train, hidden])
    if timed and train.time_ms is not None and hidden.time_ms is not None:
        times = np.concatenate([train.time_ms, _moved(hidden.time_ms, of, train.time_ms, rng)])
        # the order of a file of one's own is that of its rows
        both = replace(both, time_ms=times).take(np.argsort(times, kind="stable"))
    else:
        both = both.take(_placed(len(train), of, rng))
    kinds, number = np.unique(labels.kind[chosen], return_counts=True)
    names = (*labels.kinds, "unnamed")
    return Dirty(
        train=replace(both, rows=np.arange(len(both), dtype=np.int64)),
        others=attacks.take(dealt.tested),
        same=attacks.take(dealt.hidden & ~chosen),
        facts={
            "hidden_flows": len(hidden),
            "hidden_share": len(hidden) / len(both),
            "hidden_campaigns": int(np.unique(of).shape[0]),
            "hidden_classes": {
                names[k]: int(c) for k, c in zip(kinds.tolist(), number.tolist(), strict=True)
            },
            "cut": cut,
        },
    )


def _moved(times: I64, campaign: I64, span: I64, rng: np.random.Generator) -> I64:
    """Start times with every campaign inside of the training time, its own intervals kept."""
    if not times.shape[0]:
        return times
    first, last = int(span.min()), int(span.max())
    which = np.unique(campaign, return_inverse=True)[1]
    size = int(which.max()) + 1
    begins, ends = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(begins, which, times)
    np.maximum.at(ends, which, times)
    room = np.maximum(last - first - (ends - begins), 0)
    start = first + (rng.random(begins.shape[0]) * (room + 1)).astype(np.int64)
    shift = np.where((begins < first) | (ends > last), start - begins, 0)
    moved: I64 = times + np.asarray(shift, np.int64)[which]
    return moved


def _placed(benign: int, campaign: I64, rng: np.random.Generator) -> I64:
    """Order of ``benign`` flows followed by hidden ones, each campaign a run at a random place."""
    number, which = np.unique(campaign, return_inverse=True)
    place: I64 = np.asarray(rng.integers(benign + 1, size=number.shape[0]))
    # benign flow i stands at 2i + 1, a campaign inserted before it at 2i; campaigns at one place in turn
    key = np.concatenate([2 * np.arange(benign) + 1, 2 * place[which]])
    turn = np.concatenate([np.zeros(benign, np.int64), which])
    return np.lexsort((turn, key))
