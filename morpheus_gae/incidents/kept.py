"""Kept: values that were written down and come back from a file, checked one by one."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

LARGEST = (1 << 63) - 1
MOST = 1e30
"""Of bytes and nats, far above what was ever seen; records tell at most what 64 bits hold."""
_ID = re.compile(r"[0-9a-f]{16}")
_SERVICE = re.compile(r"-?[0-9]{1,5}/-?[0-9]{1,5}")


def whole(value: Any, name: str, least: int = 0) -> int:
    """A whole number of 64 bits; ValueError names what is none."""
    if type(value) is not int or not least <= value <= LARGEST:
        raise ValueError(f"{name} is no whole number of {least} or more: {value!r:.40}")
    return value


def moment(value: Any, name: str) -> int | None:
    """Milliseconds since the epoch, or None."""
    return None if value is None else whole(value, name, -LARGEST)


def amount(value: Any, name: str) -> float:
    """A number from 0 to ``MOST``."""
    if type(value) not in (int, float) or not 0.0 <= value <= MOST:
        raise ValueError(f"{name} is no amount: {value!r:.40}")
    return float(value)


def listed(value: Any, name: str, most: int | None = None, exactly: int | None = None) -> list[Any]:
    """A list of at most, or of exactly, so many."""
    if not isinstance(value, (list, tuple)) or (most is not None and len(value) > most):
        raise ValueError(f"{name} is no list of at most {most}")
    if exactly is not None and len(value) != exactly:
        raise ValueError(f"{name} is no list of {exactly}")
    return list(value)


def identifier(value: Any, name: str) -> str:
    """16 hex digits."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{name} is no id: {value!r:.40}")
    return value


def address(value: Any, name: str) -> str:
    """An IP address."""
    if not isinstance(value, str):
        raise ValueError(f"{name} is no address: {value!r:.40}")
    ip_address(value)
    return value


def service(value: Any, name: str) -> str:
    """``protocol/port``."""
    if not isinstance(value, str) or not _SERVICE.fullmatch(value):
        raise ValueError(f"{name} is no service: {value!r:.40}")
    return value
