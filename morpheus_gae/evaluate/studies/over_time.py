"""Over time: fixed and adaptive thresholds on each later tenth of the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.adaptive import AdaptiveThreshold
from morpheus_gae.evaluate.labels import Labels
from morpheus_gae.flows.frame import Flows

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Real = npt.NDArray[np.floating]
TENTHS = 10


def tenths(flows: Flows) -> tuple[I64, str]:
    """Tenth of the time of each flow.

    Parameters
    ----------
    flows
        E flows in the order in which they are scored.

    Returns
    -------
    tenth
        int64 [E] from 0 to 9, rising.
    by
        ``"time"``: ten equal spans of time. ``"flows"``: ten equal numbers of flows, where the flows have no
        times, or are out of their order, or a span would hold less than a hundredth of them.
    """
    n = len(flows)
    times = flows.time_ms
    if n and times is not None and not np.any(np.diff(times) < 0):
        length = int(times[-1]) - int(times[0]) + 1
        tenth = (times - times[0]) * TENTHS // length
        if np.bincount(tenth, minlength=TENTHS).min() * 100 >= n:
            return tenth, "time"
    return np.arange(n, dtype=np.int64) * TENTHS // max(n, 1), "flows"


def follow(surprise: Real, rate: float, window: int, flows: Flows, artifact: Artifact | None) -> Bool:
    """Return the flows flagged by an adaptive threshold, window by window, bool [E].

    Parameters
    ----------
    surprise
        [E] of the flows.
    rate, artifact
        See ``AdaptiveThreshold``.
    window
        Flows of a window.
    flows
        In stream order.
    """
    threshold = AdaptiveThreshold(rate, artifact=artifact)
    # its history holds surprises, which are not negative
    value = np.maximum(np.asarray(surprise, np.float64), 0.0)
    cuts = [slice(i, min(i + window, value.shape[0])) for i in range(0, value.shape[0], window)]
    flagged = [
        value[cut] >= threshold.of_window(value[cut], flows.slice(cut.start, cut.stop)) for cut in cuts
    ]
    return np.concatenate(flagged) if flagged else np.zeros(0, np.bool_)


def by_tenth(
    flows: Flows,
    labels: Labels,
    surprise: Real,
    thresholds: Mapping[str, float],
    window: int,
    decided: Mapping[str, Bool] | None = None,
    artifact: Artifact | None = None,
) -> dict[str, Any]:
    """Figures of each tenth.

    Parameters
    ----------
    flows, labels, surprise
        Of E flows in stream order; unlabelled ones count in no figure, but adaptive thresholds see them.
    thresholds
        Fixed threshold of each budget.
    window
        Flows between two steps of the adaptive thresholds.
    decided
        bool [E] what was flagged at each budget by a detector that learns: no other threshold is asked.
    artifact
        Of a model: adaptive thresholds begin with it.

    Returns
    -------
    dict
        ``by`` (see ``tenths``), ``window``, ``tenths``: for each ``tenth``, ``benign``, ``attacks``,
        ``fixed`` and ``adaptive``: for each budget ``tpr`` and ``fpr``, None without attacks or benign flows;
        ``adaptive``: the same over the whole stream.
    """
    tenth, by = tenths(flows)
    attack, benign = labels.attack & labels.labelled, ~labels.attack & labels.labelled
    ways = {
        "fixed": {b: surprise >= np.float32(t) for b, t in thresholds.items()},
        "adaptive": {b: follow(surprise, float(b), window, flows, artifact) for b in thresholds},
    }
    if decided is not None:
        ways = {"fixed": dict(decided), "adaptive": dict(decided)}
    parts = []
    for i in range(TENTHS):
        here = tenth == i
        told = {way: _rates(f, here & attack, here & benign) for way, f in ways.items()}
        parts.append(
            {"tenth": i, "benign": int((here & benign).sum()), "attacks": int((here & attack).sum()), **told}
        )
    return {
        "by": by,
        "window": window,
        "tenths": parts,
        "adaptive": _rates(ways["adaptive"], attack, benign),
    }


def _rates(flagged: Mapping[str, Bool], attack: Bool, benign: Bool) -> dict[str, Any]:
    attacks, others = int(attack.sum()), int(benign.sum())
    return {
        b: {
            "tpr": int((f & attack).sum()) / attacks if attacks else None,
            "fpr": int((f & benign).sum()) / others if others else None,
        }
        for b, f in flagged.items()
    }
