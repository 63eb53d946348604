"""Reach: the largest number that a model's weights can make out of any flow.

Finite weights are not enough: products of large ones overflow to infinity, the difference of two infinities
is NaN, and a NaN is no place in a table. Bounds go through the layers of `gae.GAE` as numbers do, by
absolute values, so what stays below `MOST` here does so for every window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.spec import (
    CLASS_FLAGS,
    EDGE_NUMBERS,
    MEMORY_NUMBERS,
    PROFILE_NUMBERS,
    ModelSpec,
)

F64 = npt.NDArray[np.float64]

MOST = 1e15
"""Squares of it, summed over a layer, are still float32; models that were trained stay below a million."""
NUMBER = 23.0
"""Bound of any input: log1p of a float32 count / 4; what is clipped to +-8 or is a flag is below."""


def reach(spec: ModelSpec, tensors: Mapping[str, npt.NDArray[Any]]) -> float:
    """Bound on every activation and every weight; infinite or NaN if even float64 does not hold it.

    Parameters
    ----------
    spec
        Of the model.
    tensors
        Those of its schema.
    """
    return _Bounds(spec, tensors).largest


class _Bounds:
    def __init__(self, spec: ModelSpec, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        net = {name: np.abs(tensor) for name, tensor in tensors.items() if name.startswith("net.")}
        self._net = net
        self.largest = float(max(tensor.max() for tensor in net.values()))
        z = np.zeros(0)
        logit = 0.0
        if spec.memory:
            numbers = np.full(MEMORY_NUMBERS + 2 * CLASS_FLAGS, NUMBER)
            logit = float(self._layers("existence", (0, 2, 4), numbers)[0])
        if spec.attention:
            z = self._encoder(spec, logit)
        # product, source, destination
        pair = np.concatenate([z * z, z, z])
        if spec.flow_types:
            profile = np.full(PROFILE_NUMBERS, NUMBER)
            self._layers("context", (0, 2), np.concatenate([profile, pair]))
        if spec.edge_decoder:
            u = self._layer("pair", pair)
            edge = self._layers("edge", (0, 2), np.full(EDGE_NUMBERS, NUMBER))
            window = self._layers("window", (0, 2), np.full(2 * EDGE_NUMBERS, NUMBER))
            hidden = self._note(u + edge + window)
            self._note(self._layer("head", hidden) + self._layer("skip", np.full(EDGE_NUMBERS, NUMBER)))

    def _encoder(self, spec: ModelSpec, logit: float) -> F64:
        x = self._layer("host", np.full(spec.host_numbers, NUMBER))
        halves = []
        for side in ("into", "out"):
            left = self._layer(f"{side}.left", x)
            right = self._layer(f"{side}.right", x)
            edge = self._layer(f"{side}.edge", np.full(EDGE_NUMBERS + 1, NUMBER))
            hidden = self._note(left + right + edge)
            # ln of the existence probability biases it: no more than the logit and ln 2
            self._note((hidden * self._net[f"net.{side}.attend"].reshape(-1)).sum(keepdims=True) + logit + 1)
            # a weighted mean of neighbours
            halves.append(left)
        z = np.concatenate(halves)
        if not spec.unet_depth:
            return z
        h = [self._layer("unet.down.0", z)]
        for level in range(1, spec.unet_depth + 1):
            self._note(h[-1].sum(keepdims=True))
            h.append(self._layer(f"unet.down.{level}", h[-1]))
        out = h[-1]
        for level in range(spec.unet_depth, 0, -1):
            out = self._layer(f"unet.up.{level - 1}", h[level - 1] + out)
        # divided by its own root mean square
        return self._note(z + np.sqrt(out.shape[0]) * self._net["net.unet.gain"])

    def _layers(self, name: str, numbers: tuple[int, ...], x: F64) -> F64:
        for number in numbers:
            x = self._layer(f"{name}.{number}", x)
        return x

    def _layer(self, name: str, x: F64) -> F64:
        bias = self._net.get(f"net.{name}.bias", np.zeros(1))
        return self._note(self._net[f"net.{name}.weight"].astype(np.float64) @ x + bias)

    def _note(self, x: F64) -> F64:
        # a NaN stays one: max of Python would forget it
        self.largest = float(np.maximum(self.largest, x.max(initial=0.0)))
        return x
