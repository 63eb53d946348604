"""Comparators that learn, without a graph: isolation forest and dense autoencoder on log attributes."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from morpheus_gae.errors import MissingExtraError
from morpheus_gae.evaluate.baselines.log_columns import logs_of
from morpheus_gae.flows.frame import Flows

try:
    from sklearn.ensemble import IsolationForest
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor
except ImportError:
    raise MissingExtraError(
        "scikit-learn", "train", "comparing with an isolation forest or an autoencoder"
    ) from None

F32 = npt.NDArray[np.float32]
MAX_FLOWS = 50_000
"""Maximum number of training flows of a comparator: more only take longer."""
PASSES = 100


class Forest:
    """Isolation forest (Liu, Ting and Zhou 2008): few random splits isolate an outlier."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.model = IsolationForest(random_state=seed)

    def fit(self, flows: Flows) -> None:
        """Grow the trees."""
        self.model.fit(logs_of(sample(flows, self.seed)))

    def score(self, flows: Flows) -> F32:
        """Return the forest's anomaly score, in [0, 1]."""
        return -self.model.score_samples(logs_of(flows)).astype(np.float32)


class DenseAutoencoder:
    """Autoencoder 32-2-32 of single flows, scored by reconstruction error.

    Parameters
    ----------
    seed
        Seed of weights and batches.
    octets
        Also use the address octets of both hosts.
    """

    def __init__(self, seed: int, *, octets: bool) -> None:
        self.seed, self.octets = seed, octets
        self.model = MLPRegressor(
            hidden_layer_sizes=(32, 2, 32),
            activation="tanh",
            learning_rate_init=3e-3,
            max_iter=PASSES,
            n_iter_no_change=PASSES,
            random_state=seed,
        )

    def fit(self, flows: Flows) -> None:
        """Standardise and train."""
        x = logs_of(sample(flows, self.seed), octets=self.octets)
        self.mean, self.scale = x.mean(0), np.maximum(x.std(0), 1e-2)
        x = np.clip((x - self.mean) / self.scale, -8, 8)
        with warnings.catch_warnings():
            # a fixed number of passes: no convergence warning
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(x, x)

    def score(self, flows: Flows) -> F32:
        """Return the mean squared reconstruction error of the standardised flow."""
        x = np.clip((logs_of(flows, octets=self.octets) - self.mean) / self.scale, -8, 8)
        return np.square(self.model.predict(x) - x).mean(1).astype(np.float32)


def sample(flows: Flows, seed: int) -> Flows:
    """Sample at most ``MAX_FLOWS`` flows at random, keeping their order."""
    if len(flows) <= MAX_FLOWS:
        return flows
    index = np.random.default_rng([seed, 5]).choice(len(flows), MAX_FLOWS, replace=False)
    return flows.take(np.sort(index))
