"""Met: first meetings of learnt hosts, counted as scoring counts them (`model.partners`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from morpheus_gae.executors.cpu.hash_table import Columns, HashTable

if TYPE_CHECKING:
    from morpheus_gae.graph.window_graph import WindowGraph

MET: Columns = {"met_out": ("f8", ()), "met_in": ("f8", ())}
"""Columns of hosts: first meetings as a source, as a destination; they decay as flows do."""


def note_met(
    graph: WindowGraph,
    met: npt.NDArray[np.bool_],
    hosts: HashTable,
    row: npt.NDArray[np.int32],
    before: int,
) -> None:
    """Add a window's first meetings to its hosts.

    Parameters
    ----------
    graph
        The window.
    met
        bool [P]: something is learnt of the pair, which is not in memory.
    hosts
        With the columns ``MET``.
    row
        int32 [N] row of each host.
    before
        Latest block of time in which a host must have come: to a new one everybody is new.
    """
    for role, end in (("out", graph.pair_src), ("in", graph.pair_dst)):
        number = np.bincount(end[met], minlength=graph.hosts)
        hosts[f"met_{role}"][row] += number * (hosts[f"first_{role}"][row] <= before)
