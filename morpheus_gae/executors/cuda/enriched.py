"""Enriched columns on a device: rows of `model.enriched` and their log probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from morpheus_gae.flows.exporters.enriched import ABSENT
from morpheus_gae.model.enriched import GIVEN, Enriched, enriched_of

WORDS = 5
"""Of each column, ahead of what the kernel reads."""


class EnrichedRows:
    """What is known of further columns.

    Parameters
    ----------
    tensors
        Of an artifact.
    device
        Where the look-ups lie.

    Attributes
    ----------
    table
        float32 [R, K] log probabilities (``GAE.log_extra``), set by whoever has the weights.
    packed
        int32, as the kernel reads it: for each column where its edges begin, how many there are, where the
        rows of its bins begin, how many rows a group of bytes has (0 without), and where the groups of those
        bins begin; then all that.
    steps
        Bisections that the longest edges need.
    """

    table: Tensor

    def __init__(self, tensors: Mapping[str, npt.NDArray[Any]], device: torch.device) -> None:
        known = enriched_of(tensors)
        self._layout = known.layout
        self.shapes = self._layout.shapes

        def sent(array: npt.NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.array(array)).to(device)

        self._edges = [sent(codes.edges) for codes in known.codes]
        self._codes = [sent(codes.code.astype(np.int64)) for codes in known.codes]
        packed = _packed(known)
        self.packed = sent(packed)
        self.steps = int(packed[1 : WORDS * len(GIVEN) : WORDS].max()).bit_length()

    def added(self, like: Tensor, extra: Tensor, bins: Sequence[Tensor], groups: Sequence[Tensor]) -> Tensor:
        """Log likelihoods [E, K] with the columns' added, in place.

        Parameters
        ----------
        like
            float32 [E, K].
        extra
            int32 [E, 7].
        bins
            int64 [E] of bytes forward and back.
        groups
            Group of each of those bins.
        """
        place = self._layout
        for i, given in enumerate(GIVEN):
            value = extra[:, i].contiguous()
            row = self._codes[i][torch.bucketize(value, self._edges[i], right=True)] + place.starts[i]
            if given is not None:
                row = row + groups[given].long()[bins[given]] * place.counts[i]
            like += self.table[torch.where(value == ABSENT, 0, row)]
        return like


def _packed(known: Enriched) -> npt.NDArray[np.int32]:
    place = known.layout
    rows = [codes.code + start for codes, start in zip(known.codes, place.starts, strict=True)]
    parts = [*(codes.edges for codes in known.codes), *rows, *known.groups]
    ends = WORDS * len(GIVEN) + np.cumsum([0, *(part.shape[0] for part in parts)])
    n = len(GIVEN)
    words = [
        (ends[i], known.codes[i].edges.shape[0], ends[n + i], 0, 0)
        if given is None
        else (ends[i], known.codes[i].edges.shape[0], ends[n + i], place.counts[i], ends[2 * n + given])
        for i, given in enumerate(GIVEN)
    ]
    return np.concatenate([np.array(words).ravel(), *parts]).astype(np.int32)
