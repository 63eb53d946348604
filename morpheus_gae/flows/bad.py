"""Bad records: values, not exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(str, Enum):
    """Why a record cannot be scored; the value is the name used in metrics and dead-letter files."""

    ADDRESS = "unparsable_address"
    MISSING_COUNTER = "missing_counter"
    NEGATIVE_COUNTER = "negative_counter"
    TOO_LARGE = "counter_too_large"
    NOT_A_NUMBER = "not_a_number"
    COLUMN_COUNT = "wrong_column_count"
    BROKEN_JSON = "broken_json"
    ENCODING = "bad_encoding"
    TRUNCATED = "truncated_file"
    MESSAGE = "unreadable_message"
    COLUMNS = "no_flow_columns"
    SCHEMA = "unknown_schema"
    REFUSED = "unreadable_file"


DAMAGE = (Reason.TRUNCATED, Reason.REFUSED)
"""Reasons that stand for the rest of an input, or all of it, and not for one record."""


@dataclass(frozen=True)
class BadRecord:
    """One record that was set aside.

    Attributes
    ----------
    reason
        Why.
    source
        The file (or ``-``) it came from.
    row
        Its position in that source, from 0, counting every record.
    detail
        What was found, in a few words.
    record
        The record itself: its raw text where there is one, else its columns as JSON text.
    """

    reason: Reason
    source: str
    row: int
    detail: str
    record: str
