"""Made of: describes the derivation of a canonical column."""

from __future__ import annotations

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.values.units import DURATIONS, TIMES
from morpheus_gae.flows.trace import Derived, Way

_TARGETS = {c.FLOW_START: "ms", c.DURATION: "ms", c.IN_BYTES: "B", c.OUT_BYTES: "B"}


def made_of(derived: Derived, partner: str = "") -> str:
    """One line: ``td, s to ms; else te - ts`` or ``bytes x sampling_rate``.

    Parameters
    ----------
    derived
        What the readers told.
    partner
        Column of the partner record that it is taken from, where records were joined.
    """
    if not derived.ways and not partner:
        found = "always 0: no column tells it" if derived.otherwise == "0" else "no column tells it"
    else:
        told = [_way(derived.column, way) for way in derived.ways]
        told += [f"{partner} of the partner record", "0"] if partner else []
        found = "; else ".join(told)
        found += "; else 0" if derived.otherwise == "0" and not partner else ""
    if found == derived.column and not derived.note:
        found = "as it is"
    if derived.rate:
        found = f"({found})" if len(derived.ways) > 1 else found
        found += f" x {' or '.join(derived.rate)}"
    return f"{found} ({derived.note})" if derived.note else found


def _way(column: str, way: Way) -> str:
    unit, target = way.unit, _TARGETS.get(column, "")
    if way.minus and unit in TIMES and unit != way.minus_unit:
        return f"{way.name} ({unit}) - {way.minus} ({way.minus_unit})"
    told = f"{way.name} - {way.minus}" if way.minus else way.name
    if not unit:
        return told
    if unit == target:
        return f"{told}, {unit}"
    if unit == "name":
        return f"{told}, name to number"
    measured = unit in TIMES or unit in DURATIONS or target == "B"
    return f"{told}, {unit} to {target}" if measured else f"{told}, {unit}"
