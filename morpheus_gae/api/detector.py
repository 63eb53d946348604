"""Detector: the model as an estimator, with the conventions of scikit-learn and PyOD."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from morpheus_gae.api import folder as folders
from morpheus_gae.api.batches import Account, Cut
from morpheus_gae.api.examined import Examined, examine, scored
from morpheus_gae.api.params import Params
from morpheus_gae.api.sound import check_params
from morpheus_gae.api.tables import to_table
from morpheus_gae.errors import ArtifactError, BadRowsWarning, NotFittedError, UsageError
from morpheus_gae.executors.base import Executor
from morpheus_gae.executors.open import executor_of

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.flows.frame import Flows
    from morpheus_gae.model.artifact import Artifact
    from morpheus_gae.model.spec import ModelSpec

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Self = TypeVar("Self", bound="Detector")


class Detector(Params):
    """Scores network flows; trained on unlabelled or benign flows.

    Flows are given as data frames: pandas, Polars, cuDF, pyarrow, or anything that speaks Arrow, with our
    columns or those of an exporter, see `to_table` and ``docs/exporters.md``. Rows are scored in windows,
    in their order, as ``morpheus run pipeline-gae`` does it.

    Parameters
    ----------
    preset
        Which parts the model has: ``default``, ``graph`` or ``published``.
    features
        ``enriched``: ports, protocol, packets, TCP flags and application too, where flows tell them; else
        ``flow``.
    alert_rate
        Share of benign flows to flag. May be changed after training: thresholds come from the model.
    contamination
        Share of the training flows, the strangest, that thresholds leave out; None: as many as stand apart
        from the rest. Unlike PyOD's it sets no threshold: that is ``alert_rate``.
    columns
        Whose columns flows have: name of an exporter's preset, or a map of our columns to theirs
        (``{"IN_BYTES": "up:KB"}``); found out by their names if None.
    pair_seconds
        Seconds between one-way records that are joined to one flow; 0 leaves them as they are.
    graph_size, window_seconds
        Flows and seconds of a window.
    windows
        ``stream``: in the order of the rows. ``clock``: at whole multiples of ``window_seconds`` since the
        epoch, whatever the order of the rows.
    executor
        ``cpu``, ``cuda``, ``cuda:1``, ... or ``torch``.
    epochs
        At most so many passes over the training flows; None: 25.
    max_flows
        Training takes the first so many; None: all.
    random_state
        Seed of everything random in training: same seed, same flows, same model.
    name
        Of the model.
    verbose
        Show training's progress on stderr.

    Attributes
    ----------
    artifact_
        The model.
    threshold_
        Rows with a surprise above it are flagged (nats).
    offset_
        ``-threshold_``: ``decision_function`` is ``score_samples`` less this.
    decision_scores_
        float64 [E] surprise of the training flows, higher is stranger (as in PyOD), NaN in bad rows.
    labels_
        int64 [E] 1 for flagged training flows, else 0 (as in PyOD).
    bad_counts_
        Bad records of the training flows by reason.

    Notes
    -----
    Signs are those of scikit-learn: ``score_samples`` and ``decision_function`` are higher for more normal
    flows, ``predict`` is -1 for flagged ones. The model knows the flows it was trained on, so scores of
    these, as after ``fit_predict``, are lower than those of new ones.
    """

    def __init__(
        self,
        *,
        preset: str = "default",
        features: str = "flow",
        alert_rate: float = 0.001,
        contamination: float | None = None,
        columns: str | Mapping[str, str] | None = None,
        pair_seconds: float = 60.0,
        graph_size: int = 200_000,
        window_seconds: float | None = None,
        windows: str = "stream",
        executor: str = "cpu",
        epochs: int | None = None,
        max_flows: int | None = None,
        random_state: int = 0,
        name: str = "detector",
        verbose: bool = False,
    ) -> None:
        self.preset = preset
        self.features = features
        self.alert_rate = alert_rate
        self.contamination = contamination
        self.columns = columns
        self.pair_seconds = pair_seconds
        self.graph_size = graph_size
        self.window_seconds = window_seconds
        self.windows = windows
        self.executor = executor
        self.epochs = epochs
        self.max_flows = max_flows
        self.random_state = random_state
        self.name = name
        self.verbose = verbose

    @classmethod
    def pretrained(cls: type[Self], **params: Any) -> Self:
        """The model that comes with the package: of a simulated network, so good for a first look only.

        Raises
        ------
        ArtifactError
            If there is none.
        """
        from morpheus_gae.model.shipped import shipped_model

        found = shipped_model()
        if found is None:
            raise ArtifactError("this installation has no model of its own: load or fit one")
        return cls.load(found, **params)

    @classmethod
    def load(cls: type[Self], folder: str | Path, **params: Any) -> Self:
        """A model folder, written by ``save`` or by ``morpheus-gae train``.

        Parameters
        ----------
        folder
            It; nothing in it is unpickled.
        params
            Parameters that count instead of those it was saved with.

        Raises
        ------
        ArtifactError
            If it is not a sound model.
        """
        held = folders.read(folder)
        unknown = sorted(held.params.keys() - set(cls._names()))
        if unknown:
            raise ArtifactError(f"{folder} was saved by another version: it has parameters {unknown}")
        try:
            check_params(held.params)
        except UsageError as error:
            raise ArtifactError(f"{folder}: {folders.PARAMS}: {error}") from None
        told = {"name": held.artifact.name, **held.params, **params}
        detector = cls(**told)
        detector._held = held
        return detector

    def save(self, folder: str | Path) -> None:
        """Write the model as a folder that ``load``, ``morpheus run`` and all other commands read.

        Raises
        ------
        NotFittedError
            If there is no model yet.
        OutputError
            If it cannot be written.
        """
        folders.write(folder, self._fitted(), self.get_params())

    def fit(self: Self, flows: Any, y: object = None) -> Self:
        """Train on flows; labels, given as ``y`` or as a column, are not looked at.

        Flows count as in time order (sorted, if they have start times), so give whole days rather than a
        sample: how often pairs meet is what is learnt.

        Raises
        ------
        MissingExtraError
            If torch or scikit-learn is not installed (extra ``train``).
        InputError
            If a required column is missing, or there are too few flows.
        UsageError
            If a parameter makes no sense.
        """
        from morpheus_gae.api.training import gathered

        table, account = to_table(flows), Account()
        self.fit_flows(gathered(self.cut(), table, account, self.max_flows, self.spec().enriched))
        examined = self.examine(table)
        self.decision_scores_: F64 = examined.surprise
        self.bad_counts_ = examined.bad_counts
        return self

    def fit_flows(self: Self, flows: Flows) -> Self:
        """Train on flows that are read, in time order: no ``decision_scores_``; errors as those of `fit`."""
        from morpheus_gae.train.options import TrainOptions
        from morpheus_gae.train.train import train_model

        options = TrainOptions(
            seed=self.random_state, graph_size=self.graph_size, contamination=self.contamination
        )
        with TemporaryDirectory() as scratch:
            train_model(
                flows, scratch, spec=self.spec(), epochs=self.epochs, options=options, name=self.name,
                progress=self.verbose, resume=False,
            )  # fmt: skip
            self._held = folders.read(scratch)
        for stale in ("decision_scores_", "bad_counts_"):
            self.__dict__.pop(stale, None)
        return self

    def score_samples(self, flows: Any) -> F64:
        """float64 [E] log-likelihoods in nats, <= 0: higher is more normal. NaN in rows that are no flows."""
        return -self._examined(flows).surprise

    def decision_function(self, flows: Any) -> F64:
        """float64 [E] ``score_samples`` less ``offset_``: negative for flagged flows, NaN in bad rows."""
        return -self._examined(flows).surprise - self.offset_

    def predict(self, flows: Any) -> I64:
        """int64 [E]: -1 for flagged flows, 1 for others, 0 for rows that are no flows."""
        return self._signs(self._examined(flows).surprise)

    def fit_predict(self, flows: Any, y: object = None) -> I64:
        """``fit``, then ``predict`` of the same flows."""
        return self._signs(self.fit(flows, y).decision_scores_)

    def examine(self, flows: Any) -> Examined:
        """Scores, their parts, and every row that has none with its reason.

        Raises
        ------
        NotFittedError
            If there is no model yet.
        InputError
            If a required column is missing.
        UsageError
            If flows have no named columns, or a parameter makes no sense.
        """
        return examine(self._executor(), self.cut(), to_table(flows))

    def explain(self, flows: Any, *, flagged: bool = True) -> pa.Table:
        """Why flows are strange.

        Parameters
        ----------
        flows
            As ever.
        flagged
            Of flagged flows only; else of all.

        Returns
        -------
        pyarrow.Table
            The flows, in the order they were scored, with every column they came with, then those of an alert
            (``detect.alerts.ALERT_COLUMNS``: scores, parts, threshold, reason in words; then contributions,
            percentiles and facts, ``detect.explained.EXPLAINED``), and ``row``, the row each was in.
        """
        from morpheus_gae.api.explained import explained

        executor = self._executor()
        windows = scored(executor, self.cut(), to_table(flows), Account())
        return explained(windows, executor.artifact, self._threshold(), flagged)

    def incidents(self, flows: Any) -> pa.Table:
        """What the flagged flows come to: incidents, the most severe first (``docs/incidents.md``).

        Returns
        -------
        pyarrow.Table
            A row each, with the columns of ``incidents.records.schema``; severity goes by their flows a day.
        """
        from morpheus_gae.api.folded import folded

        executor = self._executor()
        windows = scored(executor, self.cut(), to_table(flows), Account())
        return folded(windows, executor.artifact, self._threshold())

    @property
    def artifact_(self) -> Artifact:
        """The model; `NotFittedError` if there is none yet, as for all that follow."""
        return self._fitted().artifact

    @property
    def threshold_(self) -> float:
        """Surprise above which flows are flagged, in nats: a step below where the pipeline begins to flag."""
        return float(np.nextafter(np.float64(self._threshold()), -np.inf))

    @property
    def offset_(self) -> float:
        """``-threshold_``."""
        return -self.threshold_

    @property
    def labels_(self) -> I64:
        """int64 [E] of the training flows: 1 for flagged ones."""
        self._fitted()
        return (self.decision_scores_ > self.threshold_).astype(np.int64)

    def _threshold(self) -> np.float32:
        from morpheus_gae.detect.threshold import surprise_of_rate

        check_params({"alert_rate": self.alert_rate})
        return np.float32(surprise_of_rate(self.artifact_, self.alert_rate))

    def _signs(self, surprise: F64) -> I64:
        flags = np.where(surprise > self.threshold_, -1, 1)
        return np.where(np.isnan(surprise), 0, flags).astype(np.int64)

    def _examined(self, flows: Any) -> Examined:
        examined = self.examine(flows)
        if examined.bad:
            counts = ", ".join(f"{reason} {count:,}" for reason, count in examined.bad_counts.items())
            warnings.warn(
                f"{len(examined.bad):,} bad records have no score ({counts}): examine() tells more",
                BadRowsWarning,
                stacklevel=3,
            )
        return examined

    def spec(self) -> ModelSpec:
        """Which parts a model has that is trained.

        Raises
        ------
        UsageError
            If there is no such preset, or no such features.
        """
        from morpheus_gae.model.spec import enriched, preset

        check_params(self.get_params())
        if self.features not in ("flow", "enriched"):
            raise UsageError(f"unknown features {self.features!r}: choose flow or enriched")
        spec = preset(self.preset)
        return enriched(spec) if self.features == "enriched" else spec

    def cut(self) -> Cut:
        """How rows become flows and windows.

        Raises
        ------
        UsageError
            If a parameter makes no sense.
        """
        check_params(self.get_params())
        return Cut(self.columns, self.pair_seconds, self.graph_size, self.window_seconds, self.windows)

    def _executor(self) -> Executor:
        check_params(self.get_params())
        artifact = self._fitted().artifact
        known: tuple[str, Executor] | None = getattr(self, "_opened", None)
        if known is None or known[0] != self.executor or known[1].artifact is not artifact:
            known = self._opened = self.executor, executor_of(artifact, self.executor)
        return known[1]

    def _fitted(self) -> folders.Held:
        held: folders.Held | None = getattr(self, "_held", None)
        if held is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet: call fit, or begin with "
                "Detector.load or Detector.pretrained"
            )
        return held

    def __sklearn_is_fitted__(self) -> bool:
        return getattr(self, "_held", None) is not None

    def __getstate__(self) -> dict[str, Any]:
        # executors are not pickled: reopened on demand
        return {k: v for k, v in self.__dict__.items() if k != "_opened"}
