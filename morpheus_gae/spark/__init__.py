"""Spark: scoring of a lake of flows by time window, and training on it."""

from morpheus_gae.spark.score import score
from morpheus_gae.spark.train import fit

__all__ = ["fit", "score"]
