"""Thresholds: which flows are flagged. A score measures how anomalous a flow is; a threshold decides.

They compare the surprise (nats) with >=: scores saturate at 1, surprises do not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.adaptive import AdaptiveThreshold
from morpheus_gae.errors import UsageError

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

DEFAULT_ALERT_RATE = 0.001

SATURATED = 54 * math.log(2.0)
"""Surprise from which ``1 - exp(-surprise)`` is 1 in float64."""


class Threshold(Protocol):
    """Protocol: decides window by window."""

    def of_window(self, surprise: F64, flows: Flows | None = None) -> np.float32:
        """Return the threshold on the surprise for this window; call once per window, in stream order.

        Parameters
        ----------
        surprise
            float64 [E].
        flows
            Flows of the window, for thresholds that depend on hosts.
        """
        ...


class FixedThreshold:
    """The same threshold for every window.

    Parameters
    ----------
    surprise
        Threshold on the surprise, in nats.
    """

    def __init__(self, surprise: float) -> None:
        self.surprise: np.float32 = np.float32(surprise)

    def of_window(self, surprise: F64, flows: Flows | None = None) -> np.float32:
        """Return the fixed threshold."""
        return self.surprise


def surprise_of_score(score: float) -> float:
    """Return the smallest surprise displayed as this score.

    Raises
    ------
    UsageError
        If the score is not in [0, 1].
    """
    if not 0.0 <= score <= 1.0:
        raise UsageError(f"threshold {score:g} is not a score: it must be between 0 and 1")
    return SATURATED if score == 1.0 else min(abs(math.log1p(-score)), SATURATED)


def score_of_surprise(surprise: npt.ArrayLike) -> F64:
    """Return ``1 - exp(-surprise)`` as float64: the score displayed for a surprise."""
    # 0.0 - x, since -x would print a score of 0 as -0.0
    return np.asarray(0.0 - np.expm1(-np.asarray(surprise, np.float64)))


def surprise_of_rate(artifact: Artifact, rate: float) -> float:
    """Return the threshold on the surprise for an alert rate, from the model's benign validation flows.

    A calibrated budget has its threshold in the artifact; other rates are interpolated in the artifact's
    quantiles, linearly in ``-ln(rate)``, since the tail is about exponential.

    Raises
    ------
    UsageError
        If the rate is outside the range of the quantiles.
    """
    for budget, threshold in artifact.thresholds.items():
        if math.isclose(float(budget), rate, rel_tol=1e-9):
            return threshold
    probability, surprise = (np.asarray(a, np.float64) for a in artifact.quantiles)
    inner = probability < 1.0
    depth, surprise = -np.log1p(-probability[inner]), surprise[inner]
    wanted = -math.log(rate) if 0.0 < rate <= 1.0 else math.nan
    if not depth.size or not depth[0] - 1e-12 <= wanted <= depth[-1] + 1e-12:
        budgets = ", ".join(artifact.thresholds)
        found = f"{math.exp(-depth[-1]):.2g} to {math.exp(-depth[0]):.2g}" if depth.size else "none"
        raise UsageError(
            f"alert rate {rate:g} is beyond what the validation flows of model {artifact.name} support: "
            f"rates {found}, calibrated budgets {budgets}; choose one of these, or give a --threshold"
        )
    found_there = float(np.interp(wanted, depth, surprise))
    # thresholds stay monotonic even where a budget was extrapolated beyond the quantiles
    for budget, limit in artifact.thresholds.items():
        found_there = max(found_there, limit) if float(budget) >= rate else min(found_there, limit)
    return found_there


def extrapolated_budget(artifact: Artifact, rate: float) -> bool:
    """Whether this alert rate is a calibrated budget backed by too few validation flows."""
    for budget in artifact.thresholds:
        if math.isclose(float(budget), rate, rel_tol=1e-9):
            return budget not in artifact.supported_budgets
    return False


def choose_threshold(
    artifact: Artifact,
    *,
    threshold: float | None = None,
    alert_rate: float | None = None,
    adaptive: bool = False,
) -> Threshold:
    """Create the requested threshold; by default an alert rate of 0.1 %.

    Parameters
    ----------
    artifact
        The model, with its calibrated thresholds and quantiles.
    threshold
        Fixed score in [0, 1]; 0 flags every flow.
    alert_rate
        Share of benign flows (of recent flows, if ``adaptive``) to flag.
    adaptive
        Follow the stream instead of the model's validation flows.

    Raises
    ------
    UsageError
        If both a threshold and a rate (or ``adaptive``) are given, or one of them is invalid.
    """
    if threshold is not None:
        if alert_rate is not None:
            raise UsageError("--threshold and --alert_rate exclude each other: give one of them")
        if adaptive:
            raise UsageError("--threshold is fixed, --adaptive is not: give --alert_rate with --adaptive")
        return FixedThreshold(surprise_of_score(threshold))
    rate = DEFAULT_ALERT_RATE if alert_rate is None else alert_rate
    if adaptive:
        return AdaptiveThreshold(rate, artifact=artifact)
    return FixedThreshold(surprise_of_rate(artifact, rate))
