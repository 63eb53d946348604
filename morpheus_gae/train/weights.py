"""Weights: fitted once for models that differ only in what comes after fitting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from morpheus_gae.model.spec import ModelSpec

if TYPE_CHECKING:
    import torch

Fit = tuple["dict[str, torch.Tensor]", list[dict[str, float]]]


def fitted_spec(spec: ModelSpec) -> ModelSpec:
    """The spec without the parts that no weight depends on."""
    return replace(spec, evidence=False, activity=False, partners=False, lift=False)


class Weights:
    """Weights of the latest run, kept for the next one.

    A run of the same name (`train.fingerprint`, of the ``fitted_spec``) takes them as they are.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def of(self, run: str, fit: Callable[[], Fit]) -> Fit:
        """Weights and history of a run, from ``fit`` unless they are here."""
        if run not in self._kept:
            self._kept = {run: fit()}
        kept: Fit = self._kept[run]
        return kept
