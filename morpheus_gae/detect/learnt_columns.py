"""Learnt columns: what online learning keeps of each host and pair."""

from __future__ import annotations

from morpheus_gae.detect.kin import HOST_KEYS, PAIR_KEYS
from morpheus_gae.detect.met import MET
from morpheus_gae.executors.cpu.hash_table import Columns

SUMS = ("f8", (7,))
WHOLE, NUMBER, TOTAL = ("i4", ()), ("f4", ()), ("f8", ())
BARS = {"strange": NUMBER, "clean": NUMBER, "days": WHOLE, "last_day": WHOLE}
HOSTS: Columns = {
    "out": SUMS, "in": SUMS, "first_out": WHOLE, "last_out": WHOLE, "blocks_out": WHOLE, "first_in": WHOLE,
    "last_in": WHOLE, "blocks_in": WHOLE, "times": TOTAL, "evidence": TOTAL, **BARS,
    **HOST_KEYS,
}  # fmt: skip


def host_columns(partners: bool) -> Columns:
    """Return the columns of hosts of a model that counts new partners, or does not."""
    return {**HOSTS, **(MET if partners else {})}


def pair_columns(types: int) -> Columns:
    """Return the columns of pairs of a model with a number of flow types."""
    return {
        "sums": SUMS, "types": ("f4", (types,)), "first": WHOLE, "last": WHOLE, "blocks": WHOLE,
        "known": WHOLE, "evidence": TOTAL, **BARS, **PAIR_KEYS,
    }  # fmt: skip
