"""Exporters' columns on the device: canonical columns beside them, by the host's table of exporters.

The counterpart of ``flows.exporters.layout.apply`` and ``flows.exporters.canonical``: which name is which
column, in which order and unit, is read from the ``Preset``; the arithmetic is that of ``cudf_values``. What
it does not know (nested records, maps, text in place of counters) raises ``UnusualError``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.canonical import COUNTERS, ENDS
from morpheus_gae.flows.exporters.layout import Layout, nested
from morpheus_gae.flows.exporters.presets.table import Direction, Names, Skip
from morpheus_gae.flows.exporters.values.cast import one_of, ports, protocols
from morpheus_gae.flows.exporters.values.kernels import NO_TIME
from morpheus_gae.flows.exporters.values.labels import is_glued, labels, unglued
from morpheus_gae.flows.readers.cudf_values import (
    Maker,
    UnusualError,
    absent,
    earliest,
    is_number,
    is_text,
    is_whole,
)

if TYPE_CHECKING:
    from torch import Tensor

_WORDS = {c.SRC_PORT: ports, c.DST_PORT: ports, c.PROTOCOL: protocols}


@dataclass(frozen=True)
class Applied:
    """A frame with its canonical columns.

    Attributes
    ----------
    frame
        E rows: every column as it came, then the canonical ones that were absent.
    odd
        bool [E]: rows of which the host has to say what they are.
    out
        bool [E]: records that are no flows.
    skipped
        How many of them, by reason.
    """

    frame: Any
    odd: Tensor
    out: Tensor
    skipped: Counter[str]


def apply_layout(frame: Any, layout: Layout, package: Any) -> Applied:
    """Add the canonical columns that a frame lacks; tell which records are no flows.

    Parameters
    ----------
    frame
        cuDF frame of E records.
    layout
        Theirs.
    package
        ``cudf``.

    Raises
    ------
    UnusualError
        If only the host reads such columns.
    """
    preset, names = layout.preset, set(frame.columns)
    if preset.tuples or preset.over or preset.ignored or not names.isdisjoint(_objects(layout)):
        raise UnusualError
    outer = layout.prefix.rstrip(".")
    if outer and c.missing(list(names)) and not any(name.startswith(layout.prefix) for name in names):
        raise UnusualError
    work = _Work(frame, layout, Maker(frame, package))
    out, skipped = work.left_out()
    new = work.canonical()
    return Applied(frame.assign(**new), work.make.odd & ~out, out, skipped)


def device_reads(layout: Layout, names: set[str]) -> bool:
    """Whether columns of a layout may be converted on the device at all; their types show later."""
    return not (layout.preset.tuples or layout.preset.over) and names.isdisjoint(_objects(layout))


def _objects(layout: Layout) -> set[str]:
    """Columns that hold objects, if they are there, in which the names of a layout are."""
    parents = [path.split(".") for path in nested(layout)]
    heads = {".".join(parts[:n]) for parts in parents for n in range(1, len(parts) + 1)}
    return heads | ({layout.prefix.rstrip(".")} if layout.prefix else set())


class _Work:
    """One frame on the way to its canonical columns."""

    def __init__(self, frame: Any, layout: Layout, make: Maker) -> None:
        self.frame, self.preset, self.prefix, self.make = frame, layout.preset, layout.prefix, make
        self.there = set(frame.columns)

    def some(self, names: Names) -> list[Any]:
        """Those of an exporter's columns that are there."""
        found = (self.prefix + name for name in names)
        return [self.frame[name] for name in found if name in self.there]

    def left_out(self) -> tuple[Tensor, Counter[str]]:
        """Records that are no flows, bool [E], and their number by reason."""
        out, skipped = self.make.odd.clone(), Counter[str]()
        for rule in self.preset.skip:
            here = self._left_out(rule) & ~out
            skipped[rule.reason] += int(here.sum())
            out |= here
        return out, +skipped

    def _left_out(self, rule: Skip) -> Tensor:
        nothing = self.make.odd & False
        column = next(iter(self.some((rule.column,))), None)
        if column is None:
            return nothing
        if rule.null:
            blank = absent(column)
            if is_text(column):
                blank |= self.make.judged(column, lambda words: one_of(words, ("",)))
            # whether all others have none either is for the host to see
            self.make.odd |= blank
            return nothing
        out = self.make.judged(column, lambda words: one_of(words, rule.values or rule.only))
        if rule.only:
            out = ~out & ~absent(column)
        if rule.unless_null:
            other = next(iter(self.some((rule.unless_null,))), None)
            out = nothing if other is None else out & ~absent(other)
        return out

    def canonical(self) -> dict[str, Any]:
        """The columns that are missing, in their usual order."""
        preset, make = self.preset, self.make
        out: dict[str, Any] = {}
        for name, names in preset.fields.items():
            if name in (c.LABEL, c.ATTACK):
                continue
            needed = name not in self.there or (name == c.PROTOCOL and is_text(self.frame[name]))
            found = self.some(names) if needed else []
            if found and names[0] in preset.if_above_0:
                found = [*map(make.above_0, found[:-1]), found[-1], *found[:-1]]
            if found and name in _WORDS:
                read = _WORDS[name]
                found = [make.ports(one) if is_number(one) else make.by_word(one, read) for one in found]
            if found:
                out[name] = make.first(found)
        for name, names in preset.total.items():
            part = out.get(c.IN_BYTES if name == c.OUT_BYTES else c.IN_PKTS)
            found = (
                self.some(names) if name not in self.there and name not in out and part is not None else []
            )
            if found:
                out[name] = make.less(make.first(found), part)
        self._sampled(out)
        if preset.swap is not None:
            self._swap(out, self.some((preset.swap[0],)), preset.swap[1])
        for name in (c.IN_PKTS, c.OUT_PKTS):
            if name in out and not is_whole(out[name]):
                out[name] = make.whole(out[name])
        self._times(out)
        self._complete(out)
        self._labels(out)
        return {name: out[name] for name in c.CANONICAL if name in out}

    def _sampled(self, out: dict[str, Any]) -> None:
        pairs = [(self.some((looked,)), self.some((left,))) for looked, left in self.preset.spacing]
        rates = [self.make.ratio(one[0], other[0]) for one, other in pairs if one and other]
        rates += self.some(self.preset.sampling)
        if rates:
            rate = self.make.first(rates)
            out.update({n: self.make.multiplied(out[n], rate) for n in COUNTERS if n in out})

    def _swap(self, out: dict[str, Any], told: list[Any], values: Names) -> None:
        if not told:
            return
        swapped = self.make.judged(told[0], lambda words: one_of(words, values))
        if not bool(swapped.any()):
            return
        for one, other in ENDS:
            if one not in out and other not in out:
                continue
            if one not in out or other not in out or str(out[one].dtype) != str(out[other].dtype):
                raise UnusualError
            a, b = out[one], out[other]
            out[one], out[other] = (self.make.chosen(x, ~swapped, y) for x, y in ((a, b), (b, a)))

    def _times(self, out: dict[str, Any]) -> None:
        preset, make = self.preset, self.make
        if c.FLOW_START in self.there and c.DURATION in self.there:
            return
        start = earliest([make.times(column) for column in self.some(preset.start)], make.odd)
        if c.DURATION not in self.there:
            out[c.DURATION] = self._lengths(out, start)
        if c.FLOW_START not in self.there:
            start = earliest([start, *map(make.times, self.some(preset.told))], make.odd)
            none = start == int(NO_TIME)
            if not bool(none.all()):
                out[c.FLOW_START] = make.column(_floored(start), none)

    def _lengths(self, out: dict[str, Any], start: Tensor) -> Any:
        import torch

        preset, make = self.preset, self.make
        given = [make.durations(one, unit) for n, unit in preset.duration for one in self.some((n,))]
        length = make.first(given) if given else None
        pace = self.some((preset.pace,)) if given and preset.pace else []
        if pace:
            length = make.paced(length, pace[0], [out[n] for n in (c.IN_PKTS, c.OUT_PKTS) if n in out])
        if length is not None and not bool(absent(length).any()):
            return length
        end = earliest([make.times(column) for column in self.some(preset.end)], make.odd)
        known = (start != int(NO_TIME)) & (end != int(NO_TIME))
        if length is None or bool(known.any()):
            between = torch.where(known, end, 0) - torch.where(known, start, 0)
            ends = make.column(between.double() / 1000.0, ~known)
            length = ends if length is None else make.first([length, ends])
        return length

    def _complete(self, out: dict[str, Any]) -> None:
        import torch

        lacking = c.missing([*self.there, *out])
        both = self.preset.direction is Direction.BOTH
        if set(lacking) - {c.OUT_BYTES} or (both and lacking):
            raise UnusualError
        zeros = torch.zeros(len(self.frame), dtype=torch.int64, device=self.make.odd.device)
        if lacking:
            out[c.OUT_BYTES] = self.make.column(zeros)
        elif c.OUT_BYTES in out and not both:
            back = out[c.OUT_BYTES]
            if not is_number(back):
                raise UnusualError
            none = absent(back)
            if bool(none.any()):
                out[c.OUT_BYTES] = self.make.chosen(back, ~none, 0)

    def _labels(self, out: dict[str, Any]) -> None:
        fields = self.preset.fields
        told, kind = self.some(fields.get(c.LABEL, ())), self.some(fields.get(c.ATTACK, ()))
        glued = [name for name in self.frame.columns if is_glued(name)] if c.LABEL in fields else []
        if told:
            words, at = self.make.words(self.make.first(told))
            one, other = pa.chunked_array([words]), None
        elif glued:
            words, at = self.make.words(self.frame[glued[0]])
            one, other = unglued(pa.chunked_array([words]))
        else:
            return
        if told and kind:
            others, beside = self.make.words(self.make.first(kind))
            pairs, at = _unique(at * len(others) + beside)
            one = pa.chunked_array([words.take(pa.array(pairs // len(others)))])
            other = pa.chunked_array([others.take(pa.array(pairs % len(others)))])
        label, attack = labels(one, other, self.preset.parts)
        made = self.make.spread(pa.table({c.LABEL: label, c.ATTACK: attack}), at)
        if c.LABEL not in self.there or not is_whole(self.frame[c.LABEL]):
            out[c.LABEL] = made[c.LABEL]
        if c.ATTACK not in self.there:
            out[c.ATTACK] = made[c.ATTACK]


def _unique(codes: Tensor) -> tuple[np.ndarray[Any, Any], Tensor]:
    import torch

    found, at = torch.unique(codes, return_inverse=True)
    return found.cpu().numpy(), at


def _floored(micros: Tensor) -> Tensor:
    import torch

    return torch.div(micros, 1000, rounding_mode="floor")


def kept_columns(frame: Any, out: Tensor) -> bool:
    """Whether every column that has a value has one in a record that is a flow too, see ``layout.apply``."""
    for name in set(frame.columns) - set(c.CANONICAL):
        there = ~absent(frame[name])
        if bool(there.any()) and not bool((there & ~out).any()):
            return False
    return True
