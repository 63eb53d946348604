"""Enriched mode: codes of the columns of `flows.exporters.enriched`, for the mixture of flow types.

Three encodings, after what a number says: **bits** (TCP flags: a code for each set of bits), **log**
(packets: exact values that are frequent, and a logarithmic grid, as for bytes) and **category** (ports,
protocols, names: a code for each frequent value; the others share a few). Each has a code for *missing*.
Given its flow type, a flow's likelihood gains a factor for each column: a row of a table. Packets hang on the
bytes that they carry. A column that the flows have not at all, or that training had not, says nothing: its
factor is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.flows.exporters.enriched import ABSENT, NAMES, not_told
from morpheus_gae.model.bins import fit_edges

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

COLUMNS = len(NAMES)
KINDS = ("category", "category", "log", "log", "bits", "category", "category")
GIVEN: tuple[int | None, ...] = (None, None, 0, 1, None, None, None)
"""Column of bytes (0 forward, 1 back) whose group of bins a column hangs on."""
FIRST_TABLE = 4
"""``table4`` is the first column's; the three before belong to bytes and duration."""
BITS = 256
MOST_VALUES, LEAST_SHARE = 200, 5e-4
RANGES = (0, 1024, 32768)
"""Values that are not frequent share a code with those of their range: ports of systems, of users, others."""


class Codes(NamedTuple):
    """How values become codes.

    Attributes
    ----------
    edges
        int32 [B - 1], ascending from 0: a value's bin is the number of edges that are not above it.
    code
        int32 [B] code of each bin; bin 0 is that of missing values, and its code is 0.
    """

    edges: I32
    code: I32

    @property
    def codes(self) -> int:
        """Number of codes."""
        return int(self.code.max()) + 1


def fit_codes(values: I32, kind: str) -> Codes:
    """Codes of one column of the training flows, int32 [E]."""
    there = values[values >= 0]
    if not there.shape[0]:
        return Codes(np.zeros(1, np.int32), np.zeros(2, np.int32))
    if kind == "bits":
        return Codes(np.arange(BITS, dtype=np.int32), np.arange(BITS + 1, dtype=np.int32))
    if kind == "log":
        edges = np.ceil(fit_edges(there.astype(np.float32), max_atoms=60, grid=30).astype(np.float64))
        edges = np.unique(np.append(edges[edges < 2**31], 0)).astype(np.int32)
        return Codes(edges, np.arange(edges.shape[0] + 1, dtype=np.int32))
    distinct, counts = np.unique(there, return_counts=True)
    frequent = counts >= max(LEAST_SHARE * values.shape[0], 2)
    order = np.argsort(-counts[frequent], kind="stable")[:MOST_VALUES]
    atoms = np.sort(distinct[frequent][order]).astype(np.int64)
    edges = np.unique(np.concatenate([np.array(RANGES, np.int64), atoms, atoms + 1]))
    edges = edges[edges < 2**31]
    place, is_atom = np.searchsorted(atoms, edges), np.isin(edges, atoms)
    shared = np.searchsorted(np.array(RANGES), edges, side="right")
    code = np.where(is_atom, 1 + len(RANGES) + place, shared)
    return Codes(edges.astype(np.int32), np.concatenate([[0], code]).astype(np.int32))


def codes_of(values: I32, codes: Codes) -> I32:
    """int32 [E] code of each value; ABSENT stays."""
    out = codes.code[np.searchsorted(codes.edges, values, side="right")]
    return np.where(values == ABSENT, np.int32(ABSENT), out)


class Layout(NamedTuple):
    """Where the rows of the columns' tables lie, one behind the other; row 0 is that of an absent column.

    Attributes
    ----------
    starts
        First row of each column.
    groups, counts
        Groups of bytes, and codes, of each column.
    rows
        Rows in all.
    """

    starts: tuple[int, ...]
    groups: tuple[int, ...]
    counts: tuple[int, ...]
    rows: int

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Groups and codes of each column's table."""
        return tuple(zip(self.groups, self.counts, strict=True))


def layout(counts: Sequence[int], groups: tuple[int, int]) -> Layout:
    """Rows for columns with so many codes; ``groups`` are those of bytes forward and back."""
    per = tuple(1 if given is None else groups[given] for given in GIVEN)
    ends = 1 + np.cumsum([g * n for g, n in zip(per, counts, strict=True)])
    starts = (1, *(int(end) for end in ends[:-1]))
    return Layout(starts, per, tuple(counts), int(ends[-1]))


class Enriched(NamedTuple):
    """Codes of each column and where its rows lie, with the groups of the bins of bytes (int [B] each)."""

    codes: tuple[Codes, ...]
    groups: tuple[npt.NDArray[Any], npt.NDArray[Any]]

    @property
    def layout(self) -> Layout:
        """Of the tables."""
        a, b = (int(g.max()) + 1 for g in self.groups)
        return layout([c.codes for c in self.codes], (a, b))

    def rows(self, values: I32, bins: npt.NDArray[Any]) -> I32:
        """Row of each flow and column.

        Parameters
        ----------
        values
            int32 [E, 7] as `flows.exporters.enriched.enriched_columns` gives them.
        bins
            [E, 2 or more] bins of bytes forward and back.

        Returns
        -------
        int32 [E, 7]
        """
        place = self.layout
        out = np.empty(values.shape, np.int32)
        for i, given in enumerate(GIVEN):
            code = codes_of(np.ascontiguousarray(values[:, i]), self.codes[i])
            row = place.starts[i] + code
            if given is not None:
                row = row + self.groups[given][bins[:, given]] * place.counts[i]
            out[:, i] = np.where(code < 0, 0, row)
        return out


def fit_enriched(values: I32, groups: tuple[npt.NDArray[Any], npt.NDArray[Any]]) -> Enriched:
    """Codes of every column of the training flows, int32 [E, 7]."""
    return Enriched(
        tuple(fit_codes(np.ascontiguousarray(values[:, i]), KINDS[i]) for i in range(COLUMNS)), groups
    )


def enriched_of(tensors: Mapping[str, npt.NDArray[Any]]) -> Enriched:
    """From the tensors of an artifact."""
    codes = tuple(Codes(tensors[f"extra.edges{i}"], tensors[f"extra.code{i}"]) for i in range(COLUMNS))
    # as many codes as the table has rows, whether or not the last one is in use
    return Enriched(codes, (tensors["bins.group0"], tensors["bins.group1"]))


def tensors_of(enriched: Enriched) -> dict[str, npt.NDArray[Any]]:
    """As tensors of an artifact."""
    out: dict[str, npt.NDArray[Any]] = {}
    for i, codes in enumerate(enriched.codes):
        out[f"extra.edges{i}"], out[f"extra.code{i}"] = codes.edges, codes.code
    return out


def flat_table(tables: Sequence[F32], floor: float) -> F32:
    """Probabilities of all rows, float32 [R, K], from the logits [G, n, K] of each column; row 0 is ones."""
    rows = [np.ones((1, tables[0].shape[-1]), np.float32)]
    for logits in tables:
        p = np.exp(logits - logits.max(1, keepdims=True))
        p *= np.float32(1 - floor) / p.sum(1, keepdims=True)
        rows.append((p + np.float32(floor / logits.shape[1])).reshape(-1, logits.shape[-1]))
    return np.ascontiguousarray(np.concatenate(rows), np.float32)


def told_missing(tensors: Mapping[str, npt.NDArray[Any]], table: Any) -> str | None:
    """One line on the columns that a model reads and a table of flows has not; None if there is none."""
    lacking = set(not_told(table))
    names = [n for i, n in enumerate(NAMES) if n in lacking and tensors[f"extra.code{i}"].max() > 0]
    if not names:
        return None
    return (
        f"The model also reads {', '.join(names)}, which these flows do not tell: they count as missing, and "
        "are judged by the rest"
    )
