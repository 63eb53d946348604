"""Kept: validation of single values of saved incidents."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

LARGEST = 1 << 62
"""Upper limit of counts and times: more can be added without leaving 64 bits."""
MOST = 1e30
"""Upper limit of bytes and nats, far above real values; records are limited to 64 bits."""
_ID = re.compile(r"[0-9a-f]{16}")
_SERVICE = re.compile(r"-?[0-9]{1,5}/-?[0-9]{1,5}")


def whole(value: Any, name: str, least: int = 0) -> int:
    """Validate an integer of 64 bits; ValueError names an invalid one."""
    if type(value) is not int or not least <= value <= LARGEST:
        raise ValueError(f"{name} is no whole number of {least} or more: {value!r:.40}")
    return value


def moment(value: Any, name: str) -> int | None:
    """Validate milliseconds since the epoch, or None."""
    return None if value is None else whole(value, name, -LARGEST)


def amount(value: Any, name: str) -> float:
    """Validate a number from 0 to ``MOST``."""
    if type(value) not in (int, float) or not 0.0 <= value <= MOST:
        raise ValueError(f"{name} is no amount: {value!r:.40}")
    return float(value)


def listed(value: Any, name: str, most: int | None = None, exactly: int | None = None) -> list[Any]:
    """Validate a list of a maximum, or exact, length."""
    if not isinstance(value, (list, tuple)) or (most is not None and len(value) > most):
        raise ValueError(f"{name} is no list of at most {most}")
    if exactly is not None and len(value) != exactly:
        raise ValueError(f"{name} is no list of {exactly}")
    return list(value)


def is_id(value: str) -> bool:
    """Whether a text is an id of an alert or an incident: 16 hex digits."""
    return _ID.fullmatch(value) is not None


def identifier(value: Any, name: str) -> str:
    """Validate an id of 16 hex digits."""
    if not isinstance(value, str) or not is_id(value):
        raise ValueError(f"{name} is no id: {value!r:.40}")
    return value


def address(value: Any, name: str) -> str:
    """Validate an IP address."""
    if not isinstance(value, str):
        raise ValueError(f"{name} is no address: {value!r:.40}")
    ip_address(value)
    return value


def service(value: Any, name: str) -> str:
    """Validate a service, ``protocol/port``."""
    if not isinstance(value, str) or not _SERVICE.fullmatch(value):
        raise ValueError(f"{name} is no service: {value!r:.40}")
    return value
