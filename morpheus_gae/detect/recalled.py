"""Recalled: what the model's memory has on the pairs and hosts of flagged flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.prefixes import NARROW, WIDE

if TYPE_CHECKING:
    from morpheus_gae.detect.fact_kernels import Flagged
    from morpheus_gae.detect.recall_kernels import Ends
    from morpheus_gae.model.artifact import Artifact

F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]

_ALL = (1 << 64) - 1


class Recalled(NamedTuple):
    """F flagged flows in memory, see `recall_kernels.recall`.

    ``code`` is the key of each pair, uint64 [F]; ``pair`` and ``host`` are percentiles, float64 [F].
    """

    flagged: Flagged
    code: U64
    pair: F64
    host: F64


class Recall:
    """Looks flagged flows up in the memory of a model.

    Parameters
    ----------
    artifact
        Model with memory.

    Attributes
    ----------
    known
        Tables of its memory, for kernels.
    """

    def __init__(self, artifact: Artifact) -> None:
        from morpheus_gae.detect.recall_kernels import Known, as_table

        memory, prefixes, t = artifact.memory, artifact.prefixes, artifact.tensors
        salts = [memory.salt, memory.salt + NARROW, memory.salt + WIDE]
        none = np.zeros((0, 2), np.float32)
        self.known = Known(
            as_table(np.array([salt & _ALL for salt in salts], np.uint64)),
            as_table(memory.host_key),
            as_table(memory.host_out),
            as_table(memory.host_in),
            as_table(memory.pair_key),
            as_table(memory.pair),
            as_table(np.zeros(0, np.uint64) if prefixes is None else prefixes.key),
            as_table(none if prefixes is None else prefixes.into),
            as_table(artifact.partners.past if artifact.spec.partners else none),
            as_table(t["scale.mean"]),
            as_table(t["scale.std"]),
        )

    def __call__(self, ends: Ends) -> Recalled:
        """Look up the F flagged flows of a window."""
        from morpheus_gae.detect.fact_kernels import Flagged
        from morpheus_gae.detect.recall_kernels import recall

        n = ends.missing.shape[0]
        code, x = np.empty(n, np.uint64), np.empty((n, 3), np.float32)
        rows, counts = np.empty((n, 4), np.int64), np.empty((n, 3), np.int64)
        pair, host = np.empty(n), np.empty(n)
        recall(ends, np.log1p(ends.attributes), self.known, code, rows, counts, x, pair, host)
        return Recalled(Flagged(ends, rows, counts, x), code, pair, host)
