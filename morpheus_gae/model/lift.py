"""Lift: how badly a flow fits its pair, beside how rare it is everywhere (NumPy reference).

The likelihood of a flow under its pair's mixture is low for two reasons: the pair does not send such flows,
or hardly anybody does. Benign pairs that send rare flows have the second one, and fill the tail of benign
traffic; a flow that is ordinary elsewhere, but not on this pair, stays below them. So there is a second
value, from which most of what the attributes surprise anywhere is taken off, calibrated on its own::

    value = -ln P(b | pair) + POWER ln P(b)        P(b): the flow types mixed as in all training traffic
    part  = fuse(flow, lift)                       the stranger of both, see `calibration.fuse`

In the mining of association rules P(b | pair) / P(b) is a pair's lift (Brin et al. 1997).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

POWER = 0.7
"""With 1, a flow that fits all pairs equally badly is not strange, however rare it is."""
ONE_FLOW = 1.0
"""Flows that every type counts beside its own, so that none has a share of 0."""


def shares_of(pair_types: npt.NDArray[np.floating]) -> F32:
    """float32 [K] share of each flow type in the traffic that a memory is of, above 0, summing to 1.

    Parameters
    ----------
    pair_types
        [Q, K] summed responsibilities of each pair, see `memory.Memory`.
    """
    total = pair_types.sum(0, dtype=np.float64) + ONE_FLOW
    return (total / total.sum()).astype(np.float32)
