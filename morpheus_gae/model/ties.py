"""Ties: parallel flows keep surprises of their own, in the same order on every processor.

A surprise is computed in float32, where flows that differ by little may come out equal: which of them do
depends on the rounding of the processor. So the surprise of a flow is a float64: the float32 that the model
gives, and in the 29 bits of the mantissa that it leaves free a whole number T of the flow's attributes,
larger the further they are from the usual. Hence the order: by the likelihood, where that ties by T. No
float32 threshold falls between a surprise and its float32.

T is made of the bits of ``1 + attribute``, which as whole numbers grow with its logarithm (2**23 an octave,
linear between powers of two), so it is exact and the same everywhere: two flows of a pair that differ in one
attribute, on the same side of the usual, differ in T from two units in the last place of ``1 + attribute`` on
(one byte in 4 MB).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

BELOW, ABOVE = (8, 9, 11), (9, 10, 12)
"""Weights of the columns, about as in the likelihood's smooth term; of two sides, so that no mirror ties."""
FINE = (1 << 29) - 1
"""Bits of a surprise below its float32."""
FURTHEST = (1 << 28) - 1
"""Distances end 32 octaves from the usual."""
SHIFT = 4
"""Bits of the sum that have no room: the largest one then fits into 29."""


def centre_of(mean: F32) -> I64:
    """int64 [3]: bits of ``1 + attribute`` where ``log(1 + attribute)`` is the mean of training."""
    return np.exp(np.asarray(mean, np.float64)).astype(np.float32).view(np.int32).astype(np.int64)


def ties(attributes: F32, missing: Bool, centre: I64) -> I64:
    """T of each flow.

    Parameters
    ----------
    attributes
        float32 [E, 3], at least 0 and finite.
    missing
        bool [E]: the duration is none.
    centre
        int64 [3], see ``centre_of``.

    Returns
    -------
    int64 [E] in [0, 2**29)
    """
    bits = np.ascontiguousarray(np.float32(1) + attributes).view(np.int32).astype(np.int64)
    away = bits - centre
    weighted = np.minimum(np.abs(away), FURTHEST) * np.where(away < 0, BELOW, ABOVE)
    return np.asarray((weighted.sum(1) >> SHIFT) + missing, np.int64)


def apart(surprise: F32, attributes: F32, missing: Bool, centre: I64) -> F64:
    """Surprises with T in the bits that float32 leaves free; float64 [E]."""
    wide = surprise.astype(np.float64).view(np.int64)
    return (wide | ties(attributes, missing, centre)).view(np.float64)
