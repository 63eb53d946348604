"""Learning: online learning of memory, calibration and threshold; a window is scored, then learnt.

All state is a function of the previous windows in order: a run resumed from a snapshot gives the same alerts
as an uninterrupted one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.adaptive import RISE
from morpheus_gae.detect.follow import Recent, apart, classes
from morpheus_gae.detect.learner import Learner, known_share
from morpheus_gae.detect.listening import Listening
from morpheus_gae.detect.threshold import (
    DEFAULT_ALERT_RATE,
    surprise_of_rate,
    surprise_of_score,
)
from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.settings import Settings
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import UsageError
from morpheus_gae.executors.open import reopen
from morpheus_gae.model.evidence import FROM, UPTO
from morpheus_gae.model.memory import host_keys

if TYPE_CHECKING:
    from morpheus_gae.executors.base import Executor, Scores
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

Tensors = dict[str, npt.NDArray[Any]]

HOME = 0.5
"""Known share of the first window from which the network is the model's own."""
SNAPSHOT_SECONDS, SNAPSHOT_TIMES = 5.0, 20.0
"""Minimum time between two snapshots, and as a multiple of the time one takes."""
FOLLOWED = (
    "memory.", "calibration.fused.", "calibration.evidence.", "evidence.pair", "evidence.source", "prefix.",
    "partners.past",
)  # fmt: skip
"""Tensors of the artifact replaced by learning."""
FRESH = 5
"""The threshold is recomputed when this share of its flows is new."""
ROWS = ("memory.", "evidence.pair", "evidence.source", "prefix.", "partners.past")
"""Tensors with a row per pair, host or kin of the memory (all except its salt)."""
GROWTH = 1.5
"""The calibration is refitted when the number of flows has grown by this factor."""


@dataclass(frozen=True)
class Snapshot:
    """The learnt state after one window.

    Attributes
    ----------
    facts
        Plain values for JSON.
    tensors
        Arrays by name: ``hosts.*``, ``pairs.*``, ``recent.*``, and the scoring tensors, see `FOLLOWED`.
    """

    facts: dict[str, Any]
    tensors: Tensors


class Learning:
    """Scores windows with a model whose memory, calibration and threshold come from previous windows.

    Parameters
    ----------
    executor
        Executor of the model; replaced by ones with the learnt memory.
    settings
        Alert rate or threshold, half-life.
    metrics
        Records learning statistics.
    say
        Tells the user one line.

    Raises
    ------
    UsageError
        If the model has no memory, or the executor cannot replace it.
    """

    def __init__(
        self, executor: Executor, settings: Settings, metrics: Metrics, say: Callable[[str], None]
    ) -> None:
        if not executor.artifact.spec.memory:
            raise UsageError(
                f"--learn needs a model with a memory: {executor.artifact.name} "
                f"(preset {executor.artifact.spec.preset}) has none"
            )
        # fail before anything is read
        reopen(executor, executor.artifact)
        self._executor, self._metrics, self._say = executor, metrics, say
        # the last window: the memory may have changed since
        self.scored_by = executor.artifact
        self._half_life_days = settings.half_life
        self._rate = DEFAULT_ALERT_RATE if settings.alert_rate is None else settings.alert_rate
        self._fixed = None if settings.threshold is None else surprise_of_score(settings.threshold)
        self._learner: Learner | None = None
        self._recent = Recent()
        self._listening = Listening(self._rate)
        self._threshold = np.float32(np.inf)
        self._taken_at = self._fitted_at = 0
        self._told = 0

    @property
    def artifact(self) -> Artifact:
        """Return the current model: its own weights, the learnt memory."""
        return self._executor.artifact

    def take(self, graph: WindowGraph, time_ms: npt.NDArray[np.int64] | None) -> tuple[Scores, np.float32]:
        """Score a window, then learn from it.

        Returns
        -------
        Scores, float32
            The scores, and their threshold on the surprise; infinite during warm-up (listening).
        """
        learner = self._learner or self._begin(graph)
        scores, threshold = self._executor.score(graph), self._threshold
        self.scored_by = self.artifact
        parts = apart(self.artifact, scores)
        evidence = None
        if scores.graph_part is not None:
            evidence = np.clip(parts.calibrated - np.float32(FROM), np.float32(0), np.float32(UPTO))
        seen = learner.learn(graph, scores.surprise >= threshold, time_ms, evidence)
        host = classes(host_keys(graph.host_hi, graph.host_lo, self.artifact.memory.salt))
        self._recent.add(scores.surprise, parts.raw, parts.added, host[graph.src], host[graph.dst], time_ms)
        changed = dict(learner.merge()) if learner.due else {}
        if seen.flows and learner.now is not None:
            first_alerts = self._listening.hear(seen.flows, seen.known, learner.now)
            if self._listening.over:
                changed |= self._follow(first_alerts)
            if first_alerts:
                self._say(self._begins())
        if changed:
            artifact = self.artifact
            self._executor = reopen(
                self._executor, replace(artifact, tensors={**artifact.tensors, **changed})
            )
        self._tell(learner, bool(changed), seen.learnt)
        return scores, threshold

    def end(self) -> None:
        """Report that the stream ended before alerts began."""
        listening = self._listening
        if self._learner is not None and not listening.over:
            told = (
                f"Still listening at the end, after {listening.flows:,} flows: nothing was flagged. Give "
                "more flows, keep what was learnt with --state, or use --adaptive"
            )
            self._say(Line(told, "listening", flows=listening.flows))

    def snapshot(self) -> Snapshot | None:
        """Return the learnt state between two windows; None before the first."""
        learner = self._learner
        if learner is None:
            return None
        tensors: Tensors = {}
        parts = {"hosts": learner.hosts.tensors(), "pairs": learner.pairs.tensors()}
        for part, columns in {**parts, "recent": self._recent.tensors()}.items():
            tensors |= {f"{part}.{name}": column for name, column in columns.items()}
        own = self.artifact.tensors
        tensors |= {name: own[name] for name in own if name.startswith(FOLLOWED)}
        facts = {
            "half_life_days": self._half_life_days,
            "learner": learner.facts(),
            "recent": self._recent.facts(),
            "listening": self._listening.facts(),
            "threshold": float(self._threshold) if np.isfinite(self._threshold) else None,
            "taken_at": self._taken_at,
            "fitted_at": self._fitted_at,
        }
        return Snapshot(facts, tensors)

    def restore(self, snapshot: Snapshot) -> None:
        """Restore a validated snapshot (`engine.recover.learnt_file`)."""
        facts, tensors = snapshot.facts, snapshot.tensors
        learner = Learner(self.artifact, self._half_life_days, blank=True)
        tables = {part: _under(tensors, part) for part in ("hosts", "pairs", "recent")}
        learner.restore(tables, facts["learner"])
        self._recent.restore(tables["recent"], facts["recent"])
        self._listening.restore(facts["listening"])
        self._threshold = np.float32(np.inf if facts["threshold"] is None else facts["threshold"])
        self._taken_at, self._fitted_at = facts["taken_at"], facts["fitted_at"]
        followed = {name: t for name, t in tensors.items() if name.startswith(FOLLOWED)}
        artifact = self.artifact
        self._executor = reopen(self._executor, replace(artifact, tensors={**artifact.tensors, **followed}))
        self._learner = learner
        self._tell(learner, True, 0)

    def _begin(self, graph: WindowGraph) -> Learner:
        """Start with the model's memory on its own network, with an empty one on another."""
        share = known_share(self.artifact, graph)
        cold = share < HOME
        learner = Learner(self.artifact, self._half_life_days, blank=cold)
        name = f"{self.artifact.name}@{self.artifact.hash}"
        if cold:
            own = self.artifact.tensors
            empty = {n: t[:0] for n, t in own.items() if n.startswith(ROWS) and n != "memory.salt"}
            self._executor = reopen(
                self._executor, replace(self.artifact, tensors={**self.artifact.tensors, **empty})
            )
            told = (
                f"Learning a network that {name} does not know: {share:.0%} of the first window is of "
                f"pairs in its memory. Listening: no alerts for {self._listening.missing:,} flows at "
                "least, and until pairs come back"
            )
            self._say(Line(told, "listening"))
        else:
            self._listening.over = True
            self._threshold = self._own_threshold()
            self._say(Line(f"Learning on from what {name} knows of this network", "learning"))
        self._learner = learner
        return learner

    def _follow(self, first: bool) -> Tensors:
        """Refit the calibration and the threshold to the latest flows, if there are enough new ones."""
        recent = self._recent
        changed: Tensors = {}
        if not first and recent.total - self._taken_at < recent.counted // FRESH:
            return changed
        if recent.total < self._listening.wanted and not first:
            # the model's own is for the traffic that it was trained on: no flood where that has changed
            if self._fixed is None and recent.enough(self._rate):
                own = self._own_threshold()
                self._threshold = max(own, min(own + np.float32(RISE), recent.threshold(self._rate)))
            return changed
        if first or recent.total >= min(GROWTH * self._fitted_at, self._fitted_at + recent.most):
            maps = recent.calibrate(self.artifact.spec.evidence)
            for part, new in maps.items():
                changed |= {f"calibration.{part}.{leaf}": getattr(new, leaf) for leaf in ("x", "y", "tail")}
            self._fitted_at = recent.total
        self._taken_at = recent.total
        self._threshold = recent.threshold(self._rate) if self._fixed is None else np.float32(self._fixed)
        return changed

    def _own_threshold(self) -> np.float32:
        """Return the given threshold, or the model's own for the rate while its calibration is unchanged."""
        if self._fixed is not None:
            return np.float32(self._fixed)
        return np.float32(surprise_of_rate(self.artifact, self._rate))

    def _begins(self) -> Line:
        told = (
            f"Alerts begin: {self._listening.flows:,} flows were listened to; {self._listening.known:.0%} of "
            "the latest are of pairs that were known"
        )
        return Line(told, "alerts_begin", flows=self._listening.flows)

    def _tell(self, learner: Learner, counted: bool, learnt: int) -> None:
        listening = self._listening
        if counted:
            self._metrics.learns(learner.counts())
        self._metrics.listens(not listening.over, 0 if listening.over else listening.missing)
        self._metrics.add(learnt_flows=learnt)
        quarter = 4 * listening.flows // listening.wanted
        if not listening.over and quarter > self._told:
            self._told = quarter
            more = f"{listening.missing:,} flows more" if listening.missing else "until pairs come back"
            told = (
                f"Listening: {listening.flows:,} flows so far, {listening.known:.0%} of the latest are of "
                f"known pairs; {more}"
            )
            self._say(Line(told, "listening", flows=listening.flows))


class LearnGae(Operator):
    """infer-gae with online learning: scores every flow of each window, and sets its threshold.

    Parameters
    ----------
    learning
        Scores and learns.
    metrics
        Counts flows, windows and unseen hosts.
    remember
        Whether windows carry snapshots, for checkpoints.
    seconds
        Minimum time between two snapshots.
    clock
        Clock in seconds, like ``time.monotonic``.
    """

    name = "infer-gae"

    def __init__(
        self,
        learning: Learning,
        metrics: Metrics,
        remember: bool = False,
        seconds: float = SNAPSHOT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._learning, self._metrics = learning, metrics
        self._remember, self._seconds, self._clock = remember, seconds, clock
        self._due = 0.0

    def process(self, item: Window) -> Iterator[Window]:
        """Add scores and threshold to the window."""
        assert item.graph is not None
        scores, threshold = self._learning.take(item.graph, item.flows.time_ms)
        self._metrics.add(flows=len(item.flows), windows=1, unseen_hosts=scores.unseen_hosts)
        snapshot = None
        began = self._clock()
        if self._remember and began >= self._due:
            snapshot = self._learning.snapshot()
            now = self._clock()
            self._due = now + max(self._seconds, SNAPSHOT_TIMES * (now - began))
        yield replace(
            item,
            graph=None,
            scores=scores,
            threshold=threshold,
            snapshot=snapshot,
            artifact=self._learning.scored_by,
        )

    def finish(self) -> tuple[()]:
        """Report if alerts have not begun."""
        self._learning.end()
        return ()


def _under(tensors: Mapping[str, npt.NDArray[Any]], part: str) -> Tensors:
    head = f"{part}."
    return {name.removeprefix(head): t for name, t in tensors.items() if name.startswith(head)}
