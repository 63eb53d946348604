"""Anomal-E (Caville et al. 2022, arXiv:2207.06819): self-supervised embeddings with an outlier detector.

E-GraphSAGE is trained by Deep Graph Infomax (Velickovic et al. 2019): flows are discriminated from flows with
shuffled columns by their agreement with the global mean. The dimensions are the paper's: 128 for a host, 256
for a flow, one layer, Adam at 1e-3. Differences: standardised log attributes instead of raw columns scaled to
unit length (uninformative for three columns); windows instead of one graph; PyOD's default settings, where
the paper tunes them with labels.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import InputError, MissingExtraError
from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.evaluate.baselines.sage import Sage, Scale, Window, latest, windows_of
from morpheus_gae.flows.frame import Flows

try:
    from pyod.models.cblof import CBLOF
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.pca import PCA
except ImportError as error:
    raise MissingExtraError(error.name or "pyod", "compare", "comparing with Anomal-E") from None
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from morpheus_gae.train.train import one_thread

F32 = npt.NDArray[np.float32]
HOST, FLOW = 128, 256
WINDOW = 10_000
STEPS = 1000
SAMPLE = 20_000
"""Maximum number of flows to fit an outlier detector."""
CLUSTERS = (8, 2, 3, 5, 7, 9, 10)
"""Numbers of clusters, tried in turn: CBLOF fails if it cannot separate large from small ones."""
COMPONENTS = (10, 5, 2, 1)
"""Numbers of components, tried in turn: PCA divides by their variances, which may vanish."""


class Infomax(nn.Module):
    """The encoder, and the bilinear discriminator of flows against the summary of a window."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.encoder = Sage(columns, HOST, FLOW, ones=True)
        self.weight = nn.Parameter(torch.empty(FLOW, FLOW).uniform_(-(FLOW**-0.5), FLOW**-0.5))

    def forward(self, window: Window) -> Tensor:
        """Return the loss of a window, with shuffled columns as negatives."""
        real = self.encoder.ends(window, window.x)
        fake = self.encoder.ends(window, window.x[torch.randperm(window.x.shape[0])])
        degree = [torch.bincount(end, minlength=window.hosts).float() for end in (window.src, window.dst)]
        # the mean over flows of each host's contribution
        mean = sum(d @ end for d, end in zip(degree, real, strict=True)) / window.x.shape[0]
        against = self.weight @ torch.sigmoid(mean)

        def logit(ends: tuple[Tensor, Tensor]) -> Tensor:
            return (ends[0] @ against)[window.src] + (ends[1] @ against)[window.dst]

        return F.softplus(-logit(real)).mean() + F.softplus(logit(fake)).mean()


class AnomalE:
    """The embeddings, and one of four detectors on them.

    Parameters
    ----------
    seed
        Seed of weights, shuffling and samples.
    kind
        ``isolation forest``, ``pca``, ``hbos`` or ``cblof``.
    """

    def __init__(self, seed: int, kind: str) -> None:
        self.seed, self.kind = seed, kind

    def fit(self, flows: Flows) -> None:
        """Train the encoder, then fit the detector on embeddings of training flows."""
        flows = latest(flows)
        self.scale = Scale.of(logs_of(flows))
        with one_thread():
            torch.manual_seed(self.seed)
            windows = list(windows_of(flows, WINDOW, self.scale))
            self.net = Infomax(windows[0].x.shape[1])
            optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-3)
            best, kept = np.inf, self.net.state_dict()
            for step in range(STEPS):
                loss = self.net(windows[step % len(windows)])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                if loss.item() < best:
                    best, kept = loss.item(), {k: v.clone() for k, v in self.net.state_dict().items()}
            self.net.load_state_dict(kept)
            x, pair = self._embedded(flows)
            rng = np.random.default_rng([self.seed, 11])
            rows = rng.choice(pair.shape[0], min(pair.shape[0], SAMPLE), replace=False)
            self.detector = self._fitted(x[pair[np.sort(rows)]])

    def score(self, flows: Flows) -> F32:
        """Return the detector's score of each flow's embedding, 0 for the most typical training flow."""
        if not len(flows):
            return np.zeros(0, np.float32)
        with one_thread():
            x, pair = self._embedded(flows)
            found = self.detector.decision_function(x) - self.least
        score: F32 = np.maximum(found, 0).astype(np.float32)[pair]
        return score

    @torch.no_grad()
    def _embedded(self, flows: Flows) -> tuple[F32, npt.NDArray[np.int64]]:
        """Return the embedding of each distinct pair of each window, and its index for each flow."""
        tables, of, first = [], [], 0
        for window in windows_of(flows, WINDOW, self.scale):
            code = window.src * window.hosts + window.dst
            distinct, which = torch.unique(code, return_inverse=True)
            source, target = self.net.encoder.ends(window, window.x)
            tables.append((source[distinct // window.hosts] + target[distinct % window.hosts]).numpy())
            of.append(which.numpy() + first)
            first += distinct.shape[0]
        return np.concatenate(tables), np.concatenate(of)

    def _fitted(self, x: F32) -> Any:
        tried: dict[str, list[Any]] = {
            "isolation forest": [IForest(random_state=self.seed)],
            "hbos": [HBOS()],
            "pca": [PCA(n_components=count, random_state=self.seed) for count in COMPONENTS],
            "cblof": [CBLOF(n_clusters=count, random_state=self.seed) for count in CLUSTERS],
        }
        for built in tried[self.kind]:
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    # of fewer distinct embeddings than clusters, and of variance that has ended
                    warnings.simplefilter("ignore")
                    built.fit(x)
            except ValueError:
                continue
            if np.isfinite(built.decision_scores_).all():
                self.least = float(np.min(built.decision_scores_))
                return built
        raise InputError(f"{self.kind} cannot be fitted to the embeddings of these flows")
