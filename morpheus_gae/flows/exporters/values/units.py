"""Units that a layout may tell of times, durations and counters of bytes."""

from __future__ import annotations

from typing import Any

from morpheus_gae.flows import columns as c

FLOW_END, RATE = "FLOW_END_MILLISECONDS", "SAMPLING_RATE"
"""What a layout may tell beside the canonical columns."""

TIMES = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
"""Microseconds of each unit of a time."""

DURATIONS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}
"""Milliseconds of each unit of a duration."""

BYTES = {
    **{"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12},
    **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40},
    **{"bit": 0.125, "kbit": 125, "Mbit": 125 * 10**3, "Gbit": 125 * 10**6},
}
"""Bytes of each unit of a counter of bytes."""

UNITS: dict[str, dict[str, Any]] = {
    c.FLOW_START: TIMES,
    FLOW_END: TIMES,
    c.DURATION: DURATIONS,
    c.IN_BYTES: BYTES,
    c.OUT_BYTES: BYTES,
}
"""Units by canonical column; the others have none."""
