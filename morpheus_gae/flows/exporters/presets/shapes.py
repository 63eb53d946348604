"""Text without a header that is known by the shape of its first record."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from morpheus_gae.flows.exporters.presets.datasets import BOT_IOT, UNSW_NB15
from morpheus_gae.flows.exporters.presets.table import Names, Preset
from morpheus_gae.flows.exporters.presets.vendors import AWS_VPC

_DELIMITERS = ",\t;| "
_EPOCH = re.compile(r"\d{9,10}(\.\d+)?")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")


@dataclass(frozen=True)
class Shape:
    """What the first record of a text source without a header is like.

    Attributes
    ----------
    preset
        Whose records they are.
    header
        Names of its columns.
    fits
        Whether a record with as many values is one of them.
    """

    preset: Preset
    header: Names
    fits: Callable[[list[str]], bool]


def shape_of(values: list[str]) -> Shape | None:
    """The shape that a record has, or None."""
    return next((s for s in SHAPES if len(s.header) == len(values) and s.fits(values)), None)


def shape_of_line(line: bytes) -> Shape | None:
    """The shape of a line as it stands in a file or a message, or None."""
    text = line.decode("utf-8", "replace").strip("\r\n")
    return shape_of(text.split(max(_DELIMITERS, key=text.count)))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _unsw(v: list[str]) -> bool:
    times = _EPOCH.fullmatch(v[28]) and _EPOCH.fullmatch(v[29])
    return _is_address(v[0]) and _is_address(v[2]) and bool(times) and v[48] in ("0", "1")


def _bot(v: list[str]) -> bool:
    times = _EPOCH.fullmatch(v[1]) and _EPOCH.fullmatch(v[11])
    return _is_address(v[4]) and _is_address(v[6]) and bool(times) and v[32] in ("0", "1")


def _vpc(v: list[str]) -> bool:
    ends = v[12] in ("ACCEPT", "REJECT", "-") and v[13] in ("OK", "NODATA", "SKIPDATA")
    return v[0] == "2" and v[2].startswith("eni-") and ends


def _exported(v: list[str]) -> bool:
    """As CloudWatch exports it: the time of ingestion before each record."""
    return bool(_WHEN.fullmatch(v[0])) and _vpc(v[1:])


SHAPES = (
    Shape(UNSW_NB15, UNSW_NB15.header, _unsw),
    Shape(BOT_IOT, BOT_IOT.header, _bot),
    Shape(AWS_VPC, AWS_VPC.header, _vpc),
    Shape(AWS_VPC, ("timestamp", *AWS_VPC.header), _exported),
)
