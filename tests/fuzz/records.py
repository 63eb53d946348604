"""Records to start from: a few of every preset, sound, as dicts of the exporter's own columns."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from random import Random
from typing import Any

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.presets.names import CANONICAL, PRESETS
from morpheus_gae.flows.exporters.presets.table import Preset
from tests.flows import made_files as files
from tests.flows import rows
from tests.flows.samples import SAMPLES

Record = dict[str, Any]

_START = 1_700_000_000


@dataclass(frozen=True)
class Seed:
    """Sound input of a preset. ``text``: as the exporter writes it; ``records``: the same, flat or nested."""

    preset: str
    suffix: str
    text: str
    records: tuple[Record, ...]


def seeds() -> list[Seed]:
    """Seeds of every preset that there is: samples of the tests, or records made from the preset's table."""
    found = [_of_sample(s.preset, s.suffix, s.text) for s in SAMPLES]
    sampled = {seed.preset for seed in found}
    found += [_made(preset) for name, preset in PRESETS.items() if name not in sampled]
    own = [files.record(i) for i in range(6)]
    both = [rows.record(i) for i in range(5)]
    found.append(Seed(CANONICAL, ".csv", files.csv_text(own), tuple(own)))
    found.append(Seed(CANONICAL, ".tsv", files.csv_text(both, "\t"), tuple(both)))
    found.append(Seed(CANONICAL, ".json", files.ndjson_text(own), tuple(own)))
    found.append(Seed(CANONICAL, ".json", rows.json_text(both), tuple(both)))
    return found


def _of_sample(preset: str, suffix: str, text: str) -> Seed:
    if suffix == ".json":
        return Seed(preset, suffix, text, tuple(json.loads(line) for line in text.splitlines()))
    return Seed(preset, suffix, text, tuple(_rows_of(text, PRESETS[preset].header)))


def _rows_of(text: str, usual: tuple[str, ...] = ()) -> list[Record]:
    """Lines of a text file as dicts, by its header or the usual names; comments are left out."""
    lines = text.splitlines()
    fields = next((line for line in lines if line.startswith("#fields")), None)
    body = [line for line in lines if line and not line.startswith("#")]
    mark = max(",\t ;|", key=body[0].count)
    names = body[0] if fields is None else fields.partition("\t")[2]
    if usual and set(usual).isdisjoint(names.split(mark)):
        names = mark.join(usual)
    elif fields is None:
        del body[0]
    read = csv.reader([names, *body], delimiter=mark)
    header = [name.strip() for name in next(read)]
    return [dict(zip(header, cells, strict=False)) for cells in read if len(cells) == len(header)]


def _made(preset: Preset) -> Seed:
    """Records of a preset that no sample shows, from the names of its table."""
    records = [record_of(preset, i) for i in range(4)]
    return Seed(preset.name, ".json", files.ndjson_text(records), tuple(records))


def record_of(preset: Preset, i: int) -> Record:
    """One record with the columns that a preset takes, the i-th alternative of each name in turn."""
    rng = Random(f"{preset.name} {i}")
    given = {
        c.IPV4_SRC: f"192.0.2.{i + 1}",
        c.IPV4_DST: f"198.51.100.{i + 1}",
        c.IPV6_SRC: f"2001:db8::{i + 1}",
        c.IPV6_DST: f"2001:db8::f{i + 1}",
        c.SRC_PORT: 40_000 + i,
        c.DST_PORT: 443,
        c.PROTOCOL: 6,
    }
    out: Record = {}
    prefix = preset.prefixes[0]
    # a layout is told by a set of names; each has a value of the kind that its column has
    marks = [name for name in preset.marks[i % len(preset.marks)] if not name.startswith("*")]
    for name in marks:
        out[name] = "x"
    for column, names in {**preset.fields, **preset.total}.items():
        known = [n for n in names if prefix + n in out] or [names[i % len(names)]]
        for name in known:
            out[prefix + name] = given.get(column, 100 * rng.randint(1, 50))
    for names, value in (
        (preset.start, _START + i),
        (preset.told, _START + i + 9),
        (preset.end, _START + i + 5),
    ):
        for name in [n for n in names if prefix + n in out] or list(names[:1]):
            out[prefix + name] = value
    for name, _ in preset.duration[:1]:
        out[prefix + name] = 5
    for name in preset.sampling[:1]:
        out[prefix + name] = 1
    for rule in preset.skip:
        if rule.only:
            out[prefix + rule.column] = rule.only[0]
    return out
