"""Fact words: the sentences of explanations in pieces, which compiled code puts together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.habits import WITHIN

STEP = 8
"""Bytes that are copied at a time: so many may be read behind the last piece."""

UNITS = ("B up", "B back", "ms")
WHOSE = ("this pair", "the source")
PREFIXES = ("/24", "/16", "/64", "/48")
TIMES = ("more B up", "more B back", "longer", "less B up", "less B back", "shorter")
PRESENT = (
    *("with B up", "with B back", "with a duration"),
    *("without B up", "without B back", "without a duration"),
)

_SINGLE = (
    "known pair: ",
    "first contact in this direction: ",
    "source not in memory",
    "no flow from this source in memory",
    "destination not in memory",
    "destination known: ",
    "first contacts of the source with ",
    "first contacts of ",
    " hosts in this window's alerts",
    " hosts with the destination in this window's alerts",
    ", usually fewer than 1 in a window of this size",
    ", usually about ",
    " in a window of this size",
    "; ",
    "-",
    " (",
    " count in memory)",
    "looks like ",
    "nearest to ",
    " % of this pair's flows like ",
    ", but ",
    ", ",
    " alerts of this pair in this window",
)
(
    KNOWN, TURNED, NO_SOURCE, SILENT, NO_DESTINATION, SEEN, MET, MET_BY, HOSTS, HOSTS_BY, RARELY, USUALLY,
    OF_WINDOW, AND, TO, OPEN, CLOSE, LOOKS, NEAREST, SHARE, BUT, COMMA, AGAIN,
) = range(len(_SINGLE))  # fmt: skip

PLAIN, WAY, TO_IT = 0, 3, 6
"""Which flows are counted; each of them as less than one, one, several."""
_COUNTING = [
    words
    for which in ("", " the other way round", " to it")
    for words in (
        f"less than one flow{which} counts in memory",
        f" flow{which} counts in memory",
        f" flows{which} count in memory",
    )
]
COUNTING = len(_SINGLE)

_NETWORKS = [f" {hosts} of its {name} received flows" for name in PREFIXES for hosts in ("host", "hosts")]
NETWORKS = COUNTING + len(_COUNTING)
"""For each of ``PREFIXES``: of one host, of several."""

_AS_ONE = [
    f" {unit}, where all of {whose} in memory, which counts as one flow, had "
    for unit in UNITS
    for whose in WHOSE
]
AS_ONE = NETWORKS + len(_NETWORKS)
"""For each of ``UNITS``, for each of ``WHOSE``."""

_LEAST = [
    f" {unit}, where at least {percent} % of the flows of {whose} had "
    for unit in UNITS
    for whose in WHOSE
    for _, percent in WITHIN
]
LEAST = AS_ONE + len(_AS_ONE)
"""For each of ``UNITS``, for each of ``WHOSE``, for each of ``WITHIN``."""

FAR = LEAST + len(_LEAST)
"""How much more or less: for each of ``TIMES`` behind a number, for each of ``PRESENT`` without."""

FIRST = FAR + len(TIMES) + len(PRESENT)
"""A first contact, in a memory of so many flows; what comes next are the names of flow types."""
NAMES = FIRST + 1


class Words(NamedTuple):
    """Pieces of text: uint8, and int64 [W + 1] where each begins, and the end of the last."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]


def words_of(total: float, names: Sequence[str]) -> Words:
    """Return the pieces for a model.

    Parameters
    ----------
    total
        Flows that count in its memory.
    names
        Of its flow types.
    """
    first = f"first contact of this pair: none of the {total:,.0f} flows that count in memory"
    far = [*(f" times {more}" for more in TIMES), *PRESENT]
    pieces = [
        text.encode() for text in (*_SINGLE, *_COUNTING, *_NETWORKS, *_AS_ONE, *_LEAST, *far, first, *names)
    ]
    starts = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return Words(np.frombuffer(b"".join(pieces) + bytes(STEP), np.uint8), starts)
