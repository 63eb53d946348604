"""Store: the batches of a workload and its model in a folder, drawn once and read by every variant."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.benchmark.known import mapped, save_known
from morpheus_gae.benchmark.traffic import Columns, Workload
from morpheus_gae.flows import columns as names
from morpheus_gae.flows.frame import Flows

MOST_FLOWS = 5_000_000
MOST_BATCHES = 4
START_MS = 1_741_600_000_000
MODEL = "model"


def distinct_batches(workload: Workload, batches: int) -> int:
    """Batches that are drawn; further ones are the same again."""
    return max(min(batches, MOST_BATCHES, MOST_FLOWS // workload.flows), 1)


def save(
    folder: Path, workload: Workload, batches: int, model: str, known_share: float, parquet: bool
) -> dict[str, Any]:
    """Write batches and model.

    Parameters
    ----------
    folder
        An empty one.
    workload
        What to draw.
    batches
        Batches that will be scored.
    model, known_share
        See ``familiar.save_known``.
    parquet
        Write the flows as Parquet files too, one a batch.

    Returns
    -------
    dict
        ``hosts`` and ``pairs``: the most of any batch; ``distinct_batches``.
    """
    most = np.zeros(2, np.int64)
    count = distinct_batches(workload, batches)
    for i in range(count):
        drawn = workload.draw(i)
        np.savez(folder / f"{i}.npz", **{k: v for k, v in asdict(drawn).items() if k != "pair"})
        most = np.maximum(most, _size(drawn))
        if parquet:
            # the types that exporters write, addresses as text
            pq.write_table(table(drawn, i * workload.flows), folder / f"{i}.parquet")
    save_known(folder / MODEL, model, workload, known_share)
    return {"hosts": int(most[0]), "pairs": int(most[1]), "distinct_batches": count}


def load_columns(folder: Path) -> list[dict[str, Any]]:
    """The batches: ``src`` and ``dst`` uint32 [E], ``attributes`` float32 [E, 3], ``missing`` bool [E]."""
    paths = sorted(folder.glob("*.npz"), key=lambda path: int(path.stem))
    out = []
    for path in paths:
        with np.load(path, allow_pickle=False) as arrays:
            out.append({name: arrays[name] for name in arrays.files})
    return out


def load_flows(folder: Path) -> list[Flows]:
    """The batches as flows, without the columns that ride along."""
    return [as_flows(**batch) for batch in load_columns(folder)]


def as_flows(src: Any, dst: Any, attributes: Any, missing: Any) -> Flows:
    """Flows from plain columns."""
    e = src.shape[0]
    return Flows(
        # a table of no columns has no rows either
        table=pa.table({"row": np.arange(e, dtype=np.int32)}),
        src_hi=np.zeros(e, np.uint64),
        src_lo=mapped(src),
        dst_hi=np.zeros(e, np.uint64),
        dst_lo=mapped(dst),
        attributes=attributes,
        duration_missing=missing,
        rows=np.arange(e, dtype=np.int64),
    )


def table(drawn: Columns, first: int) -> pa.Table:
    """Flows as exporters write them: canonical columns, addresses as text, one flow a millisecond."""
    e = drawn.src.shape[0]
    counters = drawn.attributes[:, :2].astype(np.int64)
    return pa.table(
        {
            names.FLOW_START: START_MS + first + np.arange(e),
            names.IPV4_SRC: _text(drawn.src),
            names.IPV4_DST: _text(drawn.dst),
            names.PROTOCOL: np.full(e, 6, np.uint8),
            names.IN_BYTES: counters[:, 0],
            names.OUT_BYTES: counters[:, 1],
            names.DURATION: pa.array(drawn.attributes[:, 2].astype(np.float64), mask=drawn.missing),
        }
    )


def _text(v4: Any) -> pa.DictionaryArray:
    hosts, at = np.unique(v4, return_inverse=True)
    texts = [f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}" for a in hosts.tolist()]
    return pa.DictionaryArray.from_arrays(at.astype(np.int32), pa.array(texts))


def _size(drawn: Columns) -> tuple[int, int]:
    code = drawn.src.astype(np.int64) << 32 | drawn.dst
    return np.unique(np.concatenate([drawn.src, drawn.dst])).shape[0], np.unique(code).shape[0]
