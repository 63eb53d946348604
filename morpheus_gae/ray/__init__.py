"""Ray Data: scores data sets of flows with actors, on CPUs or GPUs."""

from morpheus_gae.ray.score import Scorer, score

__all__ = ["Scorer", "score"]
