"""Train: a bounded, evenly spread part of a lake of flows, brought to one machine that learns from it.

Workers read exporters' columns, leave bad records out, and keep the few columns that training reads. Where
there are more flows than training takes, whole windows are taken, evenly over the time, so that what happens
together stays together. Learning itself is one machine's work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.api.batches import Account, Cut, in_order
from morpheus_gae.api.clock import check_clock, windows_of
from morpheus_gae.errors import InputError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.addresses import format_addresses
from morpheus_gae.flows.convert import table_to_flows
from morpheus_gae.flows.enriched import ABSENT, ENCODED, enriched_columns
from morpheus_gae.flows.frame import Flows, concat
from morpheus_gae.flows.numbers import numbers
from morpheus_gae.flows.presets_names import CANONICAL
from morpheus_gae.spark.workers import WINDOW, Batches, batches_of, field, pyspark

if TYPE_CHECKING:
    from morpheus_gae.api.detector import Detector

I64 = npt.NDArray[np.int64]
ONE_WAY = "_one_way"
WORDS, ENCODED_WORDS = "_enriched_", (4, 5, 6)
"""Enriched columns (``flows.enriched.NAMES``) that are no canonical ones, as numbers."""
KEPT = {
    c.FLOW_START: pa.int64(),
    c.IPV4_SRC: pa.string(),
    c.IPV4_DST: pa.string(),
    c.SRC_PORT: pa.int64(),
    c.DST_PORT: pa.int64(),
    c.PROTOCOL: pa.int64(),
    c.IN_BYTES: pa.float64(),
    c.OUT_BYTES: pa.float64(),
    c.IN_PKTS: pa.int64(),
    c.OUT_PKTS: pa.int64(),
    c.DURATION: pa.float64(),
    **{f"{WORDS}{i}": pa.int32() for i in ENCODED_WORDS},
    ONE_WAY: pa.bool_(),
    WINDOW: pa.int64(),
}
"""What comes to the machine that learns: addresses of both kinds are text."""
MOST = 10_000_000
"""Flows that are brought to one machine if ``max_flows`` does not tell."""
GOLDEN = (5**0.5 - 1) / 2


def fit(frame: Any, detector: Detector) -> Detector:
    """Train a detector on the flows of a frame, or on at most ``max_flows`` of them (None: ``MOST``).

    Parameters
    ----------
    frame
        ``pyspark.sql.DataFrame`` of flows, with our columns or an exporter's.
    detector
        With ``windows="clock"``: windows are what a part is made of.

    Returns
    -------
    Detector
        The same, trained, without ``decision_scores_``. Its model is the one that ``Detector.fit`` makes of
        the taken flows in order of time.

    Raises
    ------
    MissingExtraError
        If pyspark or what training needs is not installed.
    InputError
        If a required column is missing, or there are too few flows.
    UsageError
        If the windows are not cut by the clock.
    """
    types, functions = pyspark()
    cut = detector.cut()
    check_clock(cut)
    narrow = frame.mapInArrow(_narrower(cut), types.StructType([field(n, k) for n, k in KEPT.items()]))
    # read for the counts, then for the flows
    narrow = narrow.persist()
    try:
        counts = narrow.groupBy(WINDOW).count().collect()
        windows = np.array([row[0] for row in counts], np.int64)
        taken = spread(windows, np.array([row[1] for row in counts], np.int64), detector.max_flows or MOST)
        if len(taken) < len(windows):
            rows = frame.sparkSession.createDataFrame([(int(w),) for w in taken], f"{WINDOW} long")
            narrow_taken = narrow.join(functions.broadcast(rows), WINDOW)
        else:
            narrow_taken = narrow
        table = _collected(narrow_taken.select(*KEPT))
    finally:
        narrow.unpersist()
    return detector.fit_flows(flows_of(table, cut))


def spread(windows: I64, counts: I64, most: int) -> I64:
    """Windows to take, rising.

    Parameters
    ----------
    windows, counts
        int64 [W] numbers of windows, and how many flows each has.
    most
        Flows that all taken ones may have together.

    Notes
    -----
    In steps of the golden section through the sorted windows, which leave no stretch of time out however
    many are taken; one too large for what is left is passed over.
    """
    order = np.argsort(windows)
    windows, counts = windows[order], counts[order]
    if counts.sum() <= most:
        return windows
    taken, left = [], most
    for i in np.argsort(np.arange(len(windows)) * GOLDEN % 1.0).tolist():
        if counts[i] <= left:
            taken.append(i)
            left -= int(counts[i])
    return windows[np.sort(np.array(taken, np.int64))]


def flows_of(table: pa.Table, cut: Cut) -> Flows:
    """The collected records as flows in order of time, one-way ones joined.

    Parameters
    ----------
    table
        Of the columns ``KEPT``, in any order.
    cut
        How one-way records are joined.

    Raises
    ------
    InputError
        If there is none.
    """
    if not table.num_rows:
        raise InputError("no well-formed flow to train on")
    one_way = bool(np.asarray(table[ONE_WAY]).any())
    absent = [f"{WORDS}{i}" for i in ENCODED_WORDS if pc.max(table[f"{WORDS}{i}"]).as_py() == ABSENT]
    absent += [name for name in (c.IN_PKTS, c.OUT_PKTS) if table[name].null_count == table.num_rows]
    table = table.drop_columns([ONE_WAY, WINDOW, *absent])
    table = table.rename_columns([n.replace(WORDS, ENCODED) for n in table.column_names])
    flows = table_to_flows(table, "flows", preset=CANONICAL).flows
    flows = replace(flows.take(in_order(flows)), one_way=one_way)
    joined = [part for part in cut.joined([flows], Account()) if len(part)]
    learnt = concat(joined)
    if learnt.time_ms is not None and np.any(np.diff(learnt.time_ms) < 0):
        learnt = learnt.take(np.argsort(learnt.time_ms, kind="stable"))
    return learnt


def _narrower(cut: Cut) -> Any:
    def narrow(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for flows in cut.records(pa.Table.from_batches([batch]), Account()):
                yield from batches_of(narrowed(flows, cut))

    return narrow


def narrowed(flows: Flows, cut: Cut) -> pa.Table:
    """What training reads of some records, as the columns ``KEPT``."""
    length = numbers(flows.table[c.DURATION])[0]
    start = None if flows.time_ms is None else pa.array(flows.time_ms)
    values = {
        c.FLOW_START: start,
        c.IPV4_SRC: format_addresses(flows.src_hi, flows.src_lo),
        c.IPV4_DST: format_addresses(flows.dst_hi, flows.dst_lo),
        c.IN_BYTES: pa.array(flows.attributes[:, 0]),
        c.OUT_BYTES: pa.array(flows.attributes[:, 1]),
        c.DURATION: pa.array(length, mask=flows.duration_missing),
        ONE_WAY: pa.array(np.full(len(flows), flows.one_way)),
        WINDOW: pa.array(windows_of(flows, check_clock(cut))),
    }
    extra = enriched_columns(flows.table)
    values |= {f"{WORDS}{i}": pa.array(extra[:, i]) for i in ENCODED_WORDS}
    for name in (c.SRC_PORT, c.DST_PORT, c.PROTOCOL, c.IN_PKTS, c.OUT_PKTS):
        if name in flows.table.column_names:
            number, absent, misfit = numbers(flows.table[name])
            values[name] = pa.array(number.astype(np.int64), mask=absent | misfit)
    none = pa.nulls(len(flows))
    columns = [values.get(name, none) for name in KEPT]
    return pa.table(
        [(none if v is None else v).cast(k) for v, k in zip(columns, KEPT.values(), strict=True)], [*KEPT]
    )


def _collected(frame: Any) -> pa.Table:
    if hasattr(frame, "toArrow"):
        return frame.toArrow()
    # before Spark 4
    return pa.Table.from_pandas(frame.toPandas(), preserve_index=False)
