"""Garbage: inserts malformed records between valid lines, to test readers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from morpheus_gae.simulate.rng import stream_seed

_COUNTERS = ("IN_BYTES", "OUT_BYTES")


class Garbage:
    """Adds malformed records without replacing valid ones.

    Parameters
    ----------
    share
        Malformed records per valid one.
    seed
        Same seed, same garbage.
    csv
        Lines are CSV; else NDJSON.

    Attributes
    ----------
    added
        Malformed records so far.
    """

    def __init__(self, share: float, seed: int, *, csv: bool) -> None:
        self.added = 0
        self._share, self._csv, self._seen = share, csv, 0
        self._rng = np.random.Generator(np.random.PCG64(stream_seed(seed, 50)))

    def mix(self, lines: pa.ChunkedArray, table: pa.Table) -> pa.ChunkedArray:
        """Return the lines of a table with garbage between them."""
        self._seen += table.num_rows
        count = int(self._seen * self._share) - self.added
        if count <= 0:
            return lines
        self.added += count
        place = np.sort(self._rng.integers(0, table.num_rows, count))
        records = table.take(pa.array(place)).to_pylist()
        spoil = self._spoil_csv if self._csv else self._spoil_json
        bad = pa.chunked_array([pa.array([spoil(r) for r in records], pa.string())])
        order = np.insert(np.arange(table.num_rows), place, table.num_rows + np.arange(count))
        return pa.chunked_array([*lines.chunks, *bad.chunks], pa.string()).take(pa.array(order))

    def _values(self, record: dict[str, Any]) -> None:
        """Replace one value of the record by an invalid one."""
        counter = _COUNTERS[int(self._rng.integers(0, 2))]
        kind = int(self._rng.integers(0, 4))
        if kind == 0:
            family = "IPV6" if record.get("IPV6_SRC_ADDR") else "IPV4"
            raw = self._rng.integers(0, 256, 6)
            record[f"{family}_SRC_ADDR"] = ":".join(f"{b:02x}" for b in raw.tolist())
        elif kind == 1:
            record[counter] = -int(self._rng.integers(1, 100_000))
        elif kind == 2:
            record[counter] = float("nan")
        else:
            record[counter] = None

    def _spoil_csv(self, record: dict[str, Any]) -> str:
        if self._rng.random() < 0.3:
            fields = ["" if v is None else str(v) for v in record.values()]
            return ",".join(fields[:-3] if self._rng.random() < 0.5 else [*fields, "7", "x"])
        self._values(record)
        return ",".join("" if v is None else str(v) for v in record.values())

    def _spoil_json(self, record: dict[str, Any]) -> str:
        if self._rng.random() < 0.3:
            text = json.dumps(record)
            return text[: int(self._rng.integers(1, len(text) - 1))]
        self._values(record)
        return json.dumps({k: v for k, v in record.items() if v is not None})
