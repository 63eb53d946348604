"""Parts: bisects a batch that a server refuses as a whole, to find the refused records."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.refused import Refusal
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.sink import Answer

Send = Callable[[Sequence[Record]], "Answer | str"]
"""Sends records; returns the outcome of each, or why all were refused; raises ``Transient``."""


def in_parts(records: Sequence[Record], send: Send) -> Answer:
    """Send records, bisecting refused batches; n refused of m records take about ``2 n log2 m`` requests.

    Parameters
    ----------
    records
        A batch.
    send
        See ``Send``.

    Raises
    ------
    Transient
        If the outcome of all records is unknown. After partial success the rest is returned for retry, so
        that accepted records are not sent twice.
    """
    parts: list[Sequence[Record]] = [records]
    again: list[Record] = []
    refused: list[Refusal] = []
    why, after = "", None
    settled = False
    while parts:
        part = parts.pop()
        try:
            found = send(part)
        except Transient as failure:
            if not settled:
                raise
            again += [record for left in (part, *reversed(parts)) for record in left]
            return Answer(again, refused, str(failure), failure.after)
        if isinstance(found, str) and len(part) > 1:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
            continue
        settled = True
        if isinstance(found, str):
            refused.append(Refusal(part[0], found))
            continue
        again += found.again
        refused += found.refused
        why = found.why or why
        after = after if found.after is None else found.after
    return Answer(again, refused, why, after)
