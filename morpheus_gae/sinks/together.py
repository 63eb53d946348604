"""Together: incidents in the form that is sent beside the plain one, which tells a sink about them:
its key in a topic, its id and severity at a server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from morpheus_gae.incidents.encodings import encode

if TYPE_CHECKING:
    from morpheus_gae.incidents.fold import Change

SENT = "sent"
"""Column that holds the other form; no incident has one of this name."""


def together(form: str) -> Callable[[Sequence[Change], str], pa.Table]:
    """Function from incidents and ``name@hash`` to plain rows with those to be sent beside them.

    Parameters
    ----------
    form
        See ``incidents.encodings.encode``.

    Raises
    ------
    UsageError
        If there is no such encoding.
    """
    encode((), "", form)

    def both(changes: Sequence[Change], model: str) -> pa.Table:
        plain, sent = encode(changes, model, "plain"), encode(changes, model, form)
        return plain.append_column(SENT, sent.to_struct_array())

    return both


def sent_of(table: pa.Table) -> pa.Table:
    """The rows to be sent, of what ``together`` gave."""
    return pa.Table.from_struct_array(table[SENT].combine_chunks())
