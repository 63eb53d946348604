"""Learn flow types with enriched columns: `learn.add_types` with a factor more for each column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.bins import bin_at
from morpheus_gae.executors.cpu.flow import FlowModel
from morpheus_gae.executors.cpu.learn import PAIR_PRIOR

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)
def add_types(
    learn: Bool, pair: I32, row: I32, own: F32, attributes: F32, missing: Bool, model: FlowModel, extra: I32,
    table: F32, types: F32,
) -> None:  # fmt: skip
    """Add each flow's responsibilities to the row of its pair; rows ``extra`` [E, 7] of ``table``, flat."""
    k, width = own.shape[1], model.width
    share = PAIR_PRIOR / np.float32(k)
    n2, n3 = model.bins[0], model.bins[1]
    r = np.empty(k, np.float64)
    for i in range(learn.shape[0]):
        if not learn[i]:
            continue
        b1 = bin_at(attributes[i, 0], model.edges[0], model.starts[0])
        b2 = bin_at(attributes[i, 1], model.edges[1], model.starts[1])
        b3 = np.int32(0)
        if not missing[i]:
            b3 = bin_at(attributes[i, 2], model.edges[2], model.starts[2])
        at1, at2 = np.int64(b1) * width, np.int64(model.group1[b1] * n2 + b2) * width
        at3 = np.int64(model.group2[b2] * n3 + b3) * width
        mine = own[pair[i]]
        for j in range(k):
            p = (mine[j] + share) * model.t1[at1 + j] * model.t2[at2 + j] * model.t3[at3 + j]
            r[j] = np.float64(p)
        for c in range(extra.shape[1]):
            if extra[i, c] == 0:
                continue
            here = np.int64(extra[i, c]) * width
            for j in range(k):
                r[j] *= table[here + j]
        total = 0.0
        for j in range(k):
            total += r[j]
        out = types[row[pair[i]]]
        for j in range(k):
            out[j] += np.float32(r[j] / total)
