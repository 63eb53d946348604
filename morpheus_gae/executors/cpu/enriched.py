"""Flow scores of the enriched mode on the CPU: `cpu_flow` with a factor more for each further column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from morpheus_gae.executors.cpu.bins import bin_at
from morpheus_gae.executors.cpu.flow import LANES, FlowModel
from morpheus_gae.executors.cpu.lines import lines_of
from morpheus_gae.executors.cpu.math import probability_fast
from morpheus_gae.executors.cpu.tail import map_tail
from morpheus_gae.executors.cpu.ties import refined, ties_of
from morpheus_gae.model.bins import bin_of
from morpheus_gae.model.enriched import COLUMNS, FIRST_TABLE, enriched_of, flat_table
from morpheus_gae.model.lift import POWER

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph
    from morpheus_gae.model.artifact import Artifact

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]

TABLE_FLOOR = 1e-3
_SMOOTH = (np.float32(0.010), np.float32(0.011), np.float32(0.013))
_CLIP, _SHARE, _ONE = np.float32(8.0), np.float32(0.01), np.float32(1.0)
_POWER = np.float32(POWER)


class CpuEnriched:
    """Rows and probabilities of the further columns.

    Parameters
    ----------
    artifact
        Of an enriched spec.
    weights
        Its ``net.*`` tensors.
    model
        Gives the padded number of flow types.

    Attributes
    ----------
    table
        float32, flat: rows of ``model.width`` probabilities, row 0 all ones.
    """

    def __init__(self, artifact: Artifact, weights: dict[str, F32], model: FlowModel) -> None:
        self._enriched = enriched_of(artifact.tensors)
        self._edges = tuple(artifact.tensors[f"bins.edges{i}"] for i in (0, 1))
        tables = [weights[f"table{FIRST_TABLE + i}"] for i in range(COLUMNS)]
        self.table = lines_of(flat_table(tables, TABLE_FLOOR), model.width).reshape(-1)

    def rows(self, graph: WindowGraph) -> I32:
        """int32 [E, 7] row of each flow and column."""
        assert graph.extra is not None
        bytes_of = (np.ascontiguousarray(graph.attributes[:, i]) for i in (0, 1))
        bins = [bin_of(edges, values) for edges, values in zip(self._edges, bytes_of, strict=True)]
        return self._enriched.rows(graph.extra, np.stack(bins, 1))


@njit(cache=True, nogil=True)
def score_flows(
    lo: int, hi: int, attributes: F32, missing: Bool, pair: I32, row: I32, pair_part: F32, mix: F32,
    model: FlowModel, extra: I32, table: F32, score: F32, surprise: F64, pair_out: F32, flow_out: F32,
) -> None:  # fmt: skip
    """Score flows ``lo:hi``, as `cpu_flow.score_flows`, with rows ``extra`` [E, 7] of ``table``.

    Products of so many factors do not fit a float32.
    """
    width, columns = model.width, extra.shape[1]
    n2, n3 = model.bins[0], model.bins[1]
    work, value, found = (
        np.ones(3 * LANES, np.float32),
        np.ones(LANES, np.float32),
        np.ones(LANES, np.float32),
    )
    flow, tie, at = np.ones(LANES, np.float32), np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    like, fine = np.empty(width, np.float64), surprise.view(np.int64)
    lifted, lift = model.everywhere.shape[0] > 0, np.ones(LANES, np.float32)
    for start in range(lo, hi, LANES):
        count = min(LANES, hi - start)
        for j in range(count):
            for c in range(3):
                work[c * LANES + j] = attributes[start + j, c]
        ties_of(work, count, LANES, model.centre, tie)
        for j in range(count):
            i = start + j
            x = attributes[i]
            b1 = bin_at(x[0], model.edges[0], model.starts[0])
            b2 = bin_at(x[1], model.edges[1], model.starts[1])
            b3 = np.int32(0)
            if not missing[i]:
                b3 = bin_at(x[2], model.edges[2], model.starts[2])
            own = np.int64(row[pair[i]]) * width
            at1, at2 = np.int64(b1) * width, np.int64(model.group1[b1] * n2 + b2) * width
            at3 = np.int64(model.group2[b2] * n3 + b3) * width
            for k in range(width):
                like[k] = np.float64(model.t1[at1 + k]) * (model.t2[at2 + k] * model.t3[at3 + k])
            for c in range(columns):
                # a column that is not there
                if extra[i, c] == 0:
                    continue
                here = np.int64(extra[i, c]) * width
                for k in range(width):
                    like[k] *= table[here + k]
            total, weak = 0.0, np.float32(0.0)
            for k in range(width):
                total += mix[own + k] * like[k]
            for c in range(3):
                z = (np.log(_ONE + x[c]) - model.mean[c]) * model.inverse[c]
                z = min(max(z, -_CLIP), _CLIP)
                weak += _SMOOTH[c] * z * z
            value[j] = weak - np.float32(np.log(total))
            if lifted:
                total = 0.0
                for k in range(width):
                    total += model.everywhere[k] * like[k]
                lift[j] = value[j] + _POWER * np.float32(np.log(total))
        map_tail(value, model.flow, at, flow)
        if lifted:
            map_tail(lift, model.lift, at, found)
            for j in range(count):
                f, v = flow[j], found[j]
                flow[j] = max(f, v) + _SHARE * min(f, v)
        for j in range(count):
            p = pair_part[row[pair[start + j]]]
            value[j] = max(p, flow[j]) + _SHARE * min(p, flow[j])
        map_tail(value, model.fused, at, found)
        for j in range(count):
            i = start + j
            if score.shape[0] > 0:
                score[i] = probability_fast(found[j])
            fine[i] = refined(found[j], tie[j], missing[i])
            pair_out[i], flow_out[i] = pair_part[row[pair[i]]], flow[j]
