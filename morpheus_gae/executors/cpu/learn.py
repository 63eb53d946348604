"""Kernels that learn from a window: what each host and pair did, in sums that add up in any order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.bins import bin_at
from morpheus_gae.executors.cpu.flow import FlowModel

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]

PAIR_PRIOR = np.float32(5.0)
"""Flows that everybody's mixture counts beside a pair's own, as when flow types are fitted."""


@njit(cache=True, nogil=True)
def add_sums(learn: Bool, row: I32, x: F32, sums: F64) -> None:
    """Add flows, their attributes and squares to ``sums`` [R, 7].

    Parameters
    ----------
    learn
        bool [E], flows to learn from.
    row
        int32 [E].
    x
        float32 [E, 3], standardised attributes.
    """
    for i in range(learn.shape[0]):
        if learn[i]:
            s = sums[row[i]]
            s[0] += 1.0
            for c in range(3):
                v = np.float64(x[i, c])
                s[1 + c] += v
                s[4 + c] += v * v


@njit(cache=True, nogil=True)
def add_types(
    learn: Bool, pair: I32, row: I32, own: F32, attributes: F32, missing: Bool, model: FlowModel, types: F32
) -> None:
    """Add each flow's responsibilities to the row of its pair.

    Parameters
    ----------
    pair, row
        int32 [E] pair of each flow in the window, and [P] row of each pair in ``types``.
    own
        float32 [P, K] what the pairs' rows were before the window, so that the order within it cannot matter.
    attributes, missing
        float32 [E, 3] raw counters, bool [E].
    types
        float32 [R, K], added to.
    """
    k = own.shape[1]
    width = model.width
    share = PAIR_PRIOR / np.float32(k)
    n2, n3 = model.bins[0], model.bins[1]
    r = np.empty(k, np.float32)
    for i in range(learn.shape[0]):
        if not learn[i]:
            continue
        b1 = bin_at(attributes[i, 0], model.edges[0], model.starts[0])
        b2 = bin_at(attributes[i, 1], model.edges[1], model.starts[1])
        b3 = np.int32(0)
        if not missing[i]:
            b3 = bin_at(attributes[i, 2], model.edges[2], model.starts[2])
        at1, at2 = b1 * width, (model.group1[b1] * n2 + b2) * width
        at3 = (model.group2[b2] * n3 + b3) * width
        mine = own[pair[i]]
        total = np.float32(0.0)
        for j in range(k):
            p = (mine[j] + share) * model.t1[at1 + j] * model.t2[at2 + j] * model.t3[at3 + j]
            r[j] = p
            total += p
        scale = np.float32(1.0) / total
        out = types[row[pair[i]]]
        for j in range(k):
            out[j] += r[j] * scale


@njit(cache=True, nogil=True)
def note_blocks(learn: Bool, row: I32, block: I32, first: I32, last: I32, blocks: I32) -> None:
    """Note in which blocks of time rows were seen: the first, the last and how many; 0 of them is never.

    Flows of a block before the row's last one are late and change nothing.
    """
    for i in range(row.shape[0]):
        if not learn[i]:
            continue
        r, b = row[i], block[i]
        if blocks[r] == 0:
            first[r], last[r], blocks[r] = b, b, 1
        elif b > last[r]:
            last[r] = b
            blocks[r] += 1


@njit(cache=True, nogil=True)
def note_flags(flagged: Bool, row: I32, day: I32, strange: F32, clean: F32, days: I32, last_day: I32) -> None:
    """Count flagged and other flows of each row, and the distinct days with a flagged one."""
    for i in range(row.shape[0]):
        r = row[i]
        if not flagged[i]:
            clean[r] += np.float32(1.0)
            continue
        strange[r] += np.float32(1.0)
        if days[r] == 0 or day[i] > last_day[r]:
            last_day[r] = day[i]
            days[r] += 1


@njit(cache=True, nogil=True)
def halves(counts: F32, row: I64, out: U16) -> None:
    """Bits of the float16 nearest to each count of chosen rows, written to ``out`` [R, K].

    NumPy's conversion takes ten times as long. A count too small for a normal float16 is 0, one above 60,000
    is that.
    """
    least, most = np.float32(2.0**-14), np.float32(6e4)
    for i in range(row.shape[0]):
        mine, to = counts[row[i]], out[i]
        for j in range(mine.shape[0]):
            v = min(mine[j], most)
            if v < least:
                to[j] = np.uint16(0)
                continue
            bits = np.float32(v).view(np.int32)
            # to nearest, ties to even; then the exponent's other bias
            bits += np.int32(0x0FFF) + ((bits >> np.int32(13)) & np.int32(1))
            to[j] = np.uint16((bits >> np.int32(13)) - np.int32(112 << 10))
