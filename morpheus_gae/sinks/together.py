"""Together: encoded incidents beside the plain columns, which sinks use for key, id and severity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from morpheus_gae.incidents.encodings import encoded
from morpheus_gae.incidents.told import Told

if TYPE_CHECKING:
    from morpheus_gae.incidents.fold import Change

SENT = "sent"
"""Column with the encoded form; not used by incidents."""


def together(form: str) -> Callable[[Sequence[Change], str], pa.Table]:
    """Return the function from incidents and ``name@hash`` to plain rows with the encoded ones.

    Parameters
    ----------
    form
        See ``incidents.encodings.encode``.

    Raises
    ------
    UsageError
        If there is no such encoding.
    """
    encoded(Told.of((), ""), form)

    def both(changes: Sequence[Change], model: str) -> pa.Table:
        told = Told.of(changes, model)
        return told.plain.append_column(SENT, encoded(told, form).to_struct_array())

    return both


def sent_of(table: pa.Table) -> pa.Table:
    """Return the rows to send, from the result of ``together``."""
    return pa.Table.from_struct_array(table[SENT].combine_chunks())
