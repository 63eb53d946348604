"""Baselines on single flows with their own thresholds: deep autoencoder, and forest taught by a forest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.evaluate.baselines.sage import Scale
from morpheus_gae.flows.frame import Flows

try:
    from sklearn.ensemble import IsolationForest, RandomForestClassifier
except ImportError:
    raise MissingExtraError("scikit-learn", "train", "comparing with forests") from None
import torch
from torch import nn

from morpheus_gae.evaluate.baselines.learned import sample
from morpheus_gae.train.train import one_thread

F32 = npt.NDArray[np.float32]
LAYERS = (64, 32, 10, 32, 64)
DROPPED = 0.2
QUANTILE = 0.999
BATCH, PASSES = 512, 30
CONTAMINATION = 0.0045
TREES = 100


class DeepAutoencoder:
    """Autoencoder 64-32-10-32-64 with dropout 0.2.

    Parameters
    ----------
    seed
        Seed of weights, dropout and batches.

    Attributes
    ----------
    own
        Published threshold: the 99.9th percentile of the errors of training flows.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.own = 0.0

    def fit(self, flows: Flows) -> None:
        """Standardise and train."""
        x = logs_of(sample(flows, self.seed))
        self.scale = Scale.of(x)
        given = torch.from_numpy(self.scale(x))
        with one_thread():
            torch.manual_seed(self.seed)
            layers: list[nn.Module] = []
            for before, width in zip((x.shape[1], *LAYERS), LAYERS, strict=False):
                layers += [nn.Linear(before, width), nn.ReLU(), nn.Dropout(DROPPED)]
            self.net = nn.Sequential(*layers, nn.Linear(LAYERS[-1], x.shape[1]))
            optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-3)
            self.net.train()
            for _ in range(PASSES):
                for rows in torch.randperm(given.shape[0]).split(BATCH):
                    loss = (self.net(given[rows]) - given[rows]).square().mean()
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
            self.net.eval()
        self.own = float(np.quantile(self._errors(x), QUANTILE))

    def score(self, flows: Flows) -> F32:
        """Return the mean squared reconstruction error of the standardised flow."""
        return self._errors(logs_of(flows))

    @torch.no_grad()
    def _errors(self, x: F32) -> F32:
        given = torch.from_numpy(self.scale(x))
        with one_thread():
            errors: F32 = (self.net(given) - given).square().mean(1).numpy()
        return errors


class TaughtForest:
    """A random forest of 100 trees, fitted to the 0.45 % outliers of an isolation forest.

    Parameters
    ----------
    seed
        Seed of both forests.

    Attributes
    ----------
    own
        Published threshold: half of the trees.
    """

    own = 0.5

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, flows: Flows) -> None:
        """Fit both forests."""
        x = logs_of(sample(flows, self.seed))
        outlier = IsolationForest(contamination=CONTAMINATION, random_state=self.seed).fit_predict(x) < 0
        self.model = RandomForestClassifier(TREES, random_state=self.seed).fit(x, outlier)

    def score(self, flows: Flows) -> F32:
        """Return the share of trees that classify the flow as an outlier."""
        if not len(flows) or len(self.model.classes_) == 1:
            return np.full(len(flows), float(self.model.classes_[0]), np.float32)
        return self.model.predict_proba(logs_of(flows))[:, 1].astype(np.float32)
