"""Published baselines, trained and evaluated on the same flows.

Each is created by name and imported only then; it has ``fit`` and ``score`` like a comparator, and some have
a published threshold, ``own``.
"""

from __future__ import annotations

from collections.abc import Callable

from morpheus_gae.evaluate.baselines.comparators import Comparator


def _recipe(seed: int) -> Comparator:
    from morpheus_gae.evaluate.baselines.published_recipe import PublishedRecipe

    return PublishedRecipe(seed)


def _anomal_e(kind: str) -> Callable[[int], Comparator]:
    def build(seed: int) -> Comparator:
        from morpheus_gae.evaluate.baselines.anomal_e import AnomalE

        return AnomalE(seed, kind)

    return build


def _graph_ids(seed: int) -> Comparator:
    from morpheus_gae.evaluate.baselines.graph_ids import GraphIds

    return GraphIds(seed)


def _deep(seed: int) -> Comparator:
    from morpheus_gae.evaluate.baselines.dense import DeepAutoencoder

    return DeepAutoencoder(seed)


def _taught(seed: int) -> Comparator:
    from morpheus_gae.evaluate.baselines.dense import TaughtForest

    return TaughtForest(seed)


BASELINES: dict[str, Callable[[int], Comparator]] = {
    "published recipe": _recipe,
    "Anomal-E, isolation forest": _anomal_e("isolation forest"),
    "Anomal-E, PCA": _anomal_e("pca"),
    "Anomal-E, HBOS": _anomal_e("hbos"),
    "Anomal-E, CBLOF": _anomal_e("cblof"),
    "GraphIDS": _graph_ids,
    "deep autoencoder": _deep,
    "forest taught by a forest": _taught,
}
