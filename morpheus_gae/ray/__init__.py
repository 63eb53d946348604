"""Ray Data: scoring of data sets of flows by actors, on CPUs or GPUs."""

from morpheus_gae.ray.score import Scorer, score

__all__ = ["Scorer", "score"]
