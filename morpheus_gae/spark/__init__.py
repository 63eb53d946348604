"""Spark: scores data lakes of flows by time window, and trains on them."""

from morpheus_gae.spark.score import score
from morpheus_gae.spark.train import fit

__all__ = ["fit", "score"]
