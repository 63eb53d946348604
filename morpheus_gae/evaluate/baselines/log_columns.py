"""Log columns: input columns of detectors without a graph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.frame import Flows

F32 = npt.NDArray[np.float32]


def logs_of(flows: Flows, *, octets: bool = False) -> F32:
    """Return the columns of detectors without a graph.

    Returns
    -------
    float32 [E, 4] or [E, 12]
        log1p of both byte counts and of the duration, the missing-duration flag; with ``octets`` the last
        four octets of source and of destination / 255.
    """
    columns = [np.log1p(flows.attributes), flows.duration_missing[:, None]]
    if octets:
        shifts = np.array([24, 16, 8, 0], np.uint64)
        columns += [(lo[:, None] >> shifts & np.uint64(0xFF)) / 255 for lo in (flows.src_lo, flows.dst_lo)]
    return np.concatenate(columns, 1).astype(np.float32)
