"""Parts: a batch that a server refuses as a whole, halved until it is known which records it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.refused import Refusal
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.sink import Answer

Send = Callable[[Sequence[Record]], "str | None"]
"""Sends records; tells why they were refused, None if they were taken; raises ``Transient``."""


def in_parts(records: Sequence[Record], send: Send) -> Answer:
    """Send records, halving what is refused; n refused ones among m cost about ``2 n log2 m`` requests.

    Parameters
    ----------
    records
        A batch.
    send
        See ``Send``.

    Raises
    ------
    Transient
        If nothing is known of any record. Later on what is left is among those to send again, so that nothing
        is sent twice that was taken.
    """
    parts: list[Sequence[Record]] = [records]
    refused: list[Refusal] = []
    settled = False
    while parts:
        part = parts.pop()
        try:
            why = send(part)
        except Transient as failure:
            if not settled:
                raise
            rest = [record for left in (part, *reversed(parts)) for record in left]
            return Answer(rest, refused, str(failure), failure.after)
        if why is not None and len(part) > 1:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
            continue
        settled = True
        if why is not None:
            refused.append(Refusal(part[0], why))
    return Answer(refused=refused)
