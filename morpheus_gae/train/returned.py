"""What comes back is known: in memory a burst counts once.

A host or pair that was busy in one stretch of the training time, and not before or after, has no such habit.
Counted in full its flows would be ordinary for ever; and no fold could tell, for in the one that it came in
it is new. So flows of the busiest fold of a pair, source or destination count for no more than those of all
other folds together, and one: as a burst does in the loss (`loss.pair_weights`). What began last may go on:
the last fold counts in full. What the flows are like stays as it was, and weighs less against what others are
like.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


def shares(whole: F32, folds: F32) -> F32:
    """Share of the flows of each row that counts.

    Parameters
    ----------
    whole
        float32 [R] flows, those that are in no fold (of a model that training goes on from) among them.
    folds
        float32 [F, R] flows in each fold that memory may know, but for the last; at most ``whole`` in all.

    Returns
    -------
    float32 [R] in (0, 1]
    """
    # of the busiest fold's m flows and the others' w - m, w - m + 1 of the former count; in float64, for a
    # float32 of 2**24 flows and more is the same with one more, and w of such may be a rest below m
    flows = whole.astype(np.float64)
    beyond = np.maximum(2 * folds.max(0).astype(np.float64) - flows - 1, 0)
    count = np.maximum(flows - beyond, np.minimum(flows, 1))
    return np.where(flows > 0, count / np.where(flows > 0, flows, 1), 1).astype(np.float32)
