"""Refusal: what to tell of columns that cannot be flows: what was found, who is nearest, how to map them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.guess import plain, start_of_map
from morpheus_gae.flows.exporters.layout import Layout, lacking
from morpheus_gae.flows.exporters.mapping import MAP, OURS
from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.exporters.presets.table import Preset
from morpheus_gae.flows.exporters.values.units import BYTES, DURATIONS, TIMES

SHOWN = 60
"""Columns that an error lists at most."""
_UNITS = {"times": TIMES, "lengths": DURATIONS, "bytes": BYTES}
LEAST = 3
"""Names that a source must share with a preset to be told that it is near."""


def refusal(names: Sequence[str], source: str, layout: Layout | None, absent: Sequence[str]) -> str:
    """One line for a source whose columns are none of flows.

    Parameters
    ----------
    names
        Its columns, as ``presets.paths`` tells them.
    source
        Its name.
    layout
        As which they were read; None if no exporter was told or found.
    absent
        What is missing, of ``presets.lacking``.
    """
    told = f"{source}: required columns are missing: {', '.join(absent)}. Found: {_shown(names)}. "
    if layout is not None and layout.preset.over:
        units = [(what, ", ".join(known)) for what, known in _UNITS.items()]
        return (
            f"{told}--map OUR=THEIRS[:UNIT] knows of ours {', '.join(OURS)}; units of "
            f"{'; of '.join(f'{what} {known}' for what, known in units)}"
        )
    if layout is not None and layout.preset.name != MAP:
        needs = [ours for need in absent for ours in need.split(" (")[0].split(" or ")[:1] if ours in OURS]
        hint = f"; {layout.preset.hint}" if layout.preset.hint else ""
        more = f"; or say which is which, such as: {start_of_map(names, needs)}" if needs else ""
        return f"{told}They were read as those of {layout.preset.name} (--preset){hint}{more}"
    told += (
        f"Required: {', '.join(c.REQUIRED)}; or columns of an exporter, which --preset names: "
        f"{', '.join(PRESETS)}"
    )
    near = nearest(names)
    if near is not None:
        lacks = f", which has also {', '.join(near[1])}" if near[1] else f": try --preset {near[0]}"
        told += f". Nearest is {near[0]}{lacks}"
    if any(map(_is_address, names)):
        return (
            f"{told}. This looks like a record and not like a header: name the columns with --columns a,b,..."
        )
    return f"{told}. Or say which column is which, such as: {start_of_map(names)}"


def nearest(names: Iterable[str]) -> tuple[str, list[str]] | None:
    """The preset that shares most names with a source, and what it must have and is not there.

    Names are compared without regard to case and to what stands between their words.
    """
    found = {plain(name) for name in names}
    most, best = LEAST - 1, None
    for preset in PRESETS.values():
        for prefix in preset.prefixes:
            shared = len(_plain_of(preset.name, prefix) & found)
            if shared > most:
                most, best = shared, (preset, prefix)
    if best is None:
        return None
    preset, prefix = best
    there = set(names)
    need = [n.split(" (")[0] for n in lacking(there, Layout(preset, prefix))]
    given = {n: [prefix + p for col in n.split(" or ") for p in preset.fields.get(col, ())] for n in need}
    return preset.name, [" or ".join(given[n]) or n for n in need]


@lru_cache(maxsize=256)
def _plain_of(preset: str, prefix: str) -> frozenset[str]:
    return frozenset(plain(prefix + name) for name in _all_of(PRESETS[preset]))


def _all_of(preset: Preset) -> set[str]:
    groups = [*preset.fields.values(), *preset.total.values(), preset.start, preset.end, *preset.marks]
    groups += [preset.told, tuple(name for name, _ in preset.duration)]
    return {name for group in groups for name in group if len(name) > 2}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return not text.strip().isdigit()


def _shown(names: Sequence[str]) -> str:
    """Names for an error, which may have come from anything that is no table at all."""
    told = [(n if n.isprintable() else ascii(n))[:40] for n in names[:SHOWN]] + ["..."] * (len(names) > SHOWN)
    return ", ".join(told) or "none"
