"""Split: splits benign flows into training and test flows."""

from __future__ import annotations

import numpy as np

from morpheus_gae.errors import UsageError
from morpheus_gae.flows.frame import Flows

SPLITS = {
    "temporal": "first 80 % of the time / last 20 %",
    "random": "random 80 % / 20 %, for traffic without usable times",
    "tail": "first 80 % of the file / last 20 %",
}


def split_benign(benign: Flows, how: str, seed: int) -> tuple[Flows, Flows]:
    """Split benign flows into training and test flows.

    Parameters
    ----------
    benign
        In file order.
    how
        ``"temporal"``: by start time where every flow has one, else in file order. ``"random"``: training
        flows shuffled, so that those which training holds back last are a random sample too; test flows stay
        in file order. ``"tail"``: in file order.
    seed
        Of the random split.

    Raises
    ------
    UsageError
        If there is no split of that name.
    """
    n = len(benign)
    if how == "random":
        order = np.random.default_rng([seed, 6]).permutation(n)
        cut = n * 8 // 10
        return benign.take(order[:cut]), benign.take(np.sort(order[cut:]))
    if how == "temporal":
        times = benign.time_ms
        if times is not None and np.any(np.diff(times) < 0):
            benign = benign.take(np.argsort(times, kind="stable"))
        cut = n * 8 // 10
    elif how == "tail":
        cut = n * 8 // 10
    else:
        raise UsageError(f"unknown split {how!r}: choose one of {', '.join(SPLITS)}")
    return benign.slice(0, cut), benign.slice(cut, n)
