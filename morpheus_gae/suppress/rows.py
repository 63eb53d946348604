"""Rows: the attributes of flagged flows used by rules, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect.alerts import COUNTS as COUNTS_TEXT
from morpheus_gae.detect.alerts import OTHERS as OTHERS_TEXT
from morpheus_gae.detect.alerts import REASONS, why
from morpheus_gae.flows import columns
from morpheus_gae.suppress import rule

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.executors.base import Scores

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

NEEDED = (*columns.ADDRESSES, columns.SRC_PORT, columns.DST_PORT, columns.PROTOCOL)
"""Columns of flows used by rules, where present."""
UNKNOWN = -1

# by ``detect.alerts.why``
_BITS = np.array(
    [
        (rule.UNLIKELY, rule.PAIR, rule.FLOW, rule.PAIR | rule.FLOW)[code & 3]
        | (rule.OTHERS if code & 4 else 0)
        | (rule.COUNTS if code & 8 else 0)
        for code in range(16)
    ],
    np.int64,
)
_OF_TEXT = {
    REASONS[code & 3] + (OTHERS_TEXT if code & 4 else "") + (COUNTS_TEXT if code & 8 else ""): bits
    for code, bits in enumerate(_BITS.tolist())
}


@dataclass(frozen=True)
class Rows:
    """E flagged flows.

    Attributes
    ----------
    src_hi, src_lo, dst_hi, dst_lo
        uint64 [E], see ``flows.addresses.text``.
    port
        int64 [E], of the service: the destination's, or the source's in a record of responses; -1 where
        unknown.
    protocol
        int64 [E], IANA number; -1 where unknown.
    surprise
        float64 [E] nats.
    why
        int64 [E], bits of ``rule.WHY``; 0 for other reasons.
    """

    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    port: I64
    protocol: I64
    surprise: F64
    why: I64

    def __len__(self) -> int:
        return int(self.port.shape[0])

    @classmethod
    def of(cls, table: pa.Table, surprise: F64, why: I64) -> Rows:
        """Create from columns of E flows.

        Parameters
        ----------
        table
            Table with columns of ``NEEDED``; others are ignored.
        surprise, why
            As above.
        """
        from morpheus_gae.detect.alert_flows import addresses
        from morpheus_gae.incidents.flagged import EPHEMERAL, WELL_KNOWN

        src, dst = _whole(table, columns.SRC_PORT), _whole(table, columns.DST_PORT)
        turned = (dst >= EPHEMERAL) & (src >= 0) & (src < WELL_KNOWN)
        return cls(
            *addresses(table, columns.SRC_ADDRESSES),
            *addresses(table, columns.DST_ADDRESSES),
            port=np.where(turned, src, dst),
            protocol=_whole(table, columns.PROTOCOL),
            surprise=surprise,
            why=why,
        )

    @classmethod
    def of_alerts(cls, table: pa.Table) -> Rows:
        """Create from validated alert rows of encoding ``plain`` (``incidents.alerts_file.checked``)."""
        words = np.asarray(table["why"].to_numpy(), object)
        texts, of = np.unique(words.astype(str), return_inverse=True)
        bits = np.array([_OF_TEXT.get(text, 0) for text in texts.tolist()], np.int64)
        surprise = np.asarray(table["surprise"].to_numpy(), np.float64)
        return cls.of(table, surprise, bits[of.reshape(-1)])


def reasons(scores: Scores, index: I64) -> I64:
    """Return the bits of ``rule.WHY`` for the flows of an index, int64 [K]."""
    parts: list[Any] = [
        None if part is None else part[index]
        for part in (scores.pair_part, scores.flow_part, scores.graph_part, scores.activity_part)
    ]
    return np.asarray(_BITS[why(*parts)], np.int64)


def _whole(table: pa.Table, name: str) -> I64:
    """Return a column as int64 [E]; ``UNKNOWN`` where absent or out of range."""
    from morpheus_gae.flows.tables.numbers import numbers

    if name not in table.column_names:
        return np.full(table.num_rows, UNKNOWN, np.int64)
    values, absent, misfit = numbers(table[name])
    known = ~(absent | misfit) & (values >= 0) & (values <= 65_535)
    return np.where(known, values, UNKNOWN).astype(np.int64)
