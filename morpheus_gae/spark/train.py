"""Train: collects flows of a data lake on one machine for training.

Workers convert exporters' columns, drop bad records, keep the columns used in training, and sort. The
training machine receives time slices and stores them on disk: one slice is in memory at a time. If only a
part of the flows is requested, whole windows are sampled evenly over the time, so that flows of the same time
stay together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.api.batches import NO_TIME, Account, Cut, in_order
from morpheus_gae.api.clock import check_clock, windows_of
from morpheus_gae.errors import InputError
from morpheus_gae.flows import columns as c
from morpheus_gae.flows.addresses.text import format_addresses
from morpheus_gae.flows.exporters.convert import table_to_flows
from morpheus_gae.flows.exporters.enriched import ABSENT, ENCODED, enriched_columns
from morpheus_gae.flows.exporters.presets.names import CANONICAL
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.tables.numbers import numbers
from morpheus_gae.spark.workers import WINDOW, Batches, batches_of, field, pyspark

if TYPE_CHECKING:
    from morpheus_gae.api.detector import Detector

I64 = npt.NDArray[np.int64]
ONE_WAY, SLOT = "_one_way", "_slot"
WORDS, ENCODED_WORDS = "_enriched_", (4, 5, 6)
"""Enriched columns (``flows.exporters.enriched.NAMES``) that are no canonical ones, as numbers."""
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
SLICE = 1_000_000
"""Flows that the machine that learns takes over at a time, where a window does not hold more."""
GOLDEN = (5**0.5 - 1) / 2


def fit(frame: Any, detector: Detector) -> Detector:
    """Train a detector on the flows of a frame, or on at most ``max_flows`` of them (None: all).

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
    OutputError
        If the disk of the machine that learns is full.
    UsageError
        If the windows are not cut by the clock.
    """
    types, functions = pyspark()
    cut = detector.cut()
    length = check_clock(cut)
    narrow = frame.mapInArrow(_narrower(cut), types.StructType([field(n, k) for n, k in KEPT.items()]))
    # what is held is in order of time, so that a slice is found without looking at the others
    held = narrow.repartitionByRange(c.FLOW_START).sortWithinPartitions(c.FLOW_START).persist()
    try:
        counts = _counted(held, length)
        windows, sizes = counts[WINDOW].to_numpy(), counts["flows"].to_numpy()
        most = int(sizes.sum()) if detector.max_flows is None else detector.max_flows
        taken = spread(*summed(windows, sizes), most)
        counts = counts.filter(pa.array(np.isin(windows, taken)))
        chosen = held
        if counts.num_rows < len(windows):
            rows = frame.sparkSession.createDataFrame([(int(w),) for w in taken], f"{WINDOW} long")
            chosen = held.join(functions.broadcast(rows), WINDOW)
        # one that no machine could hold is never asked for at once
        parts = (
            flows_of(_collected(chosen.where(_between(since, until)).select(*KEPT)), counts)
            for since, until in slices(counts, length)
        )
        flows = gathered(cut, parts, detector.spec().enriched)
    finally:
        held.unpersist()
    return detector.fit_flows(flows)


def slices(counts: pa.Table, length: int) -> list[tuple[int | None, int]]:
    """Stretches of time that have at most ``SLICE`` flows each, if no window has more.

    Parameters
    ----------
    counts
        See ``_counted``.
    length
        Milliseconds of a window.

    Returns
    -------
    list of (since, until)
        In order, in milliseconds since the epoch, the second one not in it; ``(None, 0)`` where flows have no
        times.
    """
    slot = counts[SLOT].fill_null(NO_TIME).to_numpy()
    slot, sizes = summed(slot, counts["flows"].to_numpy())
    out: list[tuple[int | None, int]] = []
    room = 0
    for start, size in zip(slot.tolist(), sizes.tolist(), strict=True):
        if start == NO_TIME:
            out.append((None, 0))
        elif size <= room and out[-1][0] is not None:
            out[-1] = out[-1][0], (start + 1) * length
            room -= size
        else:
            out.append((start * length, (start + 1) * length))
            room = SLICE - size
    return out


def summed(keys: I64, counts: I64) -> tuple[I64, I64]:
    """The keys, rising and each once, and the sums of their counts."""
    keys, of = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(keys), np.int64)
    np.add.at(sums, of, counts)
    return keys, sums


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


def flows_of(table: pa.Table, counts: pa.Table) -> Flows:
    """Collected records in order of time.

    Parameters
    ----------
    table
        Of the columns ``KEPT``, in any order.
    counts
        Of all records, see ``_counted``: which columns none of them has, and whether some are one-way ones.
    """
    absent = [f"{WORDS}{i}" for i in ENCODED_WORDS if pc.max(counts[f"{WORDS}{i}"]).as_py() == ABSENT]
    absent += [name for name in (c.IN_PKTS, c.OUT_PKTS) if not pc.sum(counts[name]).as_py()]
    table = table.drop_columns([ONE_WAY, WINDOW, *absent])
    table = table.rename_columns([n.replace(WORDS, ENCODED) for n in table.column_names])
    flows = table_to_flows(table, "flows", preset=CANONICAL).flows
    return replace(flows.take(in_order(flows)), one_way=bool(pc.max(counts[ONE_WAY]).as_py()))


def gathered(cut: Cut, parts: Iterable[Flows], enriched: bool) -> Flows:
    """Records in order of time as flows on disk, one-way ones joined.

    Raises
    ------
    InputError
        If there is none.
    """
    from morpheus_gae.api.training import spooled

    flows = spooled((part for part in cut.joined(parts, Account()) if len(part)), None, enriched)
    if flows is None:
        raise InputError("no well-formed flow to train on")
    return flows


def _counted(frame: Any, length: int) -> pa.Table:
    """Of each window: how many flows there are, by the time that they are sorted by, and what they have."""
    _, functions = pyspark()
    start = functions.col(c.FLOW_START)
    slot = ((start - functions.pmod(start, functions.lit(length))) / functions.lit(length)).cast("long")
    return _collected(
        frame.groupBy(WINDOW, slot.alias(SLOT)).agg(
            functions.count(functions.lit(1)).alias("flows"),
            functions.max(ONE_WAY).alias(ONE_WAY),
            *(functions.max(f"{WORDS}{i}").alias(f"{WORDS}{i}") for i in ENCODED_WORDS),
            *(functions.count(name).alias(name) for name in (c.IN_PKTS, c.OUT_PKTS)),
        )
    )


def _between(since: int | None, until: int) -> Any:
    _, functions = pyspark()
    start = functions.col(c.FLOW_START)
    return start.isNull() if since is None else (start >= since) & (start < until)


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
