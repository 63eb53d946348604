"""Facts: short sentences with figures on what is anomalous about flagged flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.fact_words import STEP, words_of

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.detect.fact_kernels import Flagged
    from morpheus_gae.detect.recalled import Recall
    from morpheus_gae.model.artifact import Artifact

I64 = npt.NDArray[np.int64]


class Facts:
    """Tells the facts of one model's flagged flows.

    Parameters
    ----------
    artifact
        Model with memory.
    recall
        Its memory.
    """

    def __init__(self, artifact: Artifact, recall: Recall) -> None:
        from morpheus_gae.detect.fact_kernels import NUMBERS, PIECES
        from morpheus_gae.detect.flow_types import no_types, types_of
        from morpheus_gae.detect.number_kernels import WIDEST

        memory = artifact.memory
        names, self._types = types_of(artifact) if artifact.spec.flow_types else no_types()
        self._known, self._total = recall.known, float(memory.pair[:, 0].sum(dtype=np.float64))
        self._words = words_of(self._total, names)
        self._room = PIECES * int(np.diff(self._words.starts).max()) + NUMBERS * WIDEST

    def columns(self, flagged: Flagged, at: I64, window: int) -> pa.ListArray:
        """Write the facts of some flows.

        Parameters
        ----------
        flagged
            F flagged flows.
        at
            int64, ascending: which of them get facts.
        window
            Flows of their window.

        Returns
        -------
        pyarrow.ListArray
            Lists of text [F], empty for the others.
        """
        import pyarrow as pa

        from morpheus_gae.detect.fact_kernels import FACTS, write_facts

        lists = np.empty(flagged.rows.shape[0] + 1, np.int32)
        stops = np.empty(FACTS * at.shape[0] + 1, np.int32)
        out = np.empty(self._room * at.shape[0] + STEP, np.uint8)
        facts, size = write_facts(
            at, flagged, self._known, self._types, self._words.data, self._words.starts, window, self._total,
            out, stops, lists,
        )  # fmt: skip
        # in place: what was not written to is given back
        out.resize(size, refcheck=False)
        texts = pa.StringArray.from_buffers(facts, pa.py_buffer(stops), pa.py_buffer(out))
        return pa.ListArray.from_arrays(pa.array(lists), texts)
