"""Text inputs: cells, columns and lines of CSV and its kin; values, keys and nesting of JSON."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from morpheus_gae.flows.exporters.presets.names import PRESETS
from tests.fuzz.case import Case
from tests.fuzz.octets import changed
from tests.fuzz.records import Record, Seed
from tests.fuzz.values import JSON_VALUES, TOKENS, WORDS

_MARKS = ",\t;| "
_ENDS = ("\n", "\n", "\n", "\r\n", "\r", "\n\n", " \n")


class TextCases:
    """Makes text inputs from seeds; ``kept`` are whole texts of earlier runs."""

    def __init__(self, seeds: list[Seed]) -> None:
        self._all = seeds
        self._lines = [seed for seed in seeds if seed.suffix != ".json"]

    def make(self, rng: Random, kept: bytes | None = None) -> Case:
        # canonical ones, the last four, are read soonest
        seed = rng.choice(self._all if rng.random() < 0.6 else self._all[-4:])
        if kept is not None or rng.random() < 0.15:
            return self._bytes(rng, seed, kept)
        if seed.suffix != ".json" and rng.random() < 0.7:
            return self._delimited(rng, seed, seed.text)
        if rng.random() < 0.3:
            return self._delimited(rng, seed, _as_csv(rng, [_flat(r) for r in seed.records]))
        return _json(rng, seed)

    def _bytes(self, rng: Random, seed: Seed, kept: bytes | None) -> Case:
        data = kept or seed.text.encode()
        other = rng.choice(self._all)
        suffix = seed.suffix if rng.random() < 0.8 else rng.choice((".csv", ".json", ".tsv", ""))
        return Case("file", "text", [changed(rng, data, other.text.encode())], _told(rng, seed, suffix))

    def _delimited(self, rng: Random, seed: Seed, text: str) -> Case:
        mark = max(_MARKS, key=text.partition("\n")[0].count)
        lines = [line.split(mark) for line in text.splitlines()]
        known = not text.startswith("#") and seed.preset in ("canonical", *_PLAIN)
        for _ in range(rng.randint(1, 4)):
            known &= self._edit(rng, lines, mark)
        end = "\n" if rng.random() < 0.8 else rng.choice(_ENDS)
        out = end.join(mark.join(cells) for cells in lines)
        out += end if rng.random() < 0.8 else ""
        out = ("\ufeff" if rng.random() < 0.03 else "") + out
        known &= end != "\r"
        if any(
            odd in out for odd in ('"', "\r\r", "\x0b", "\x0c", "\x00", "#", "Summary")
        ) or "\r" in out.replace("\r\n", ""):
            known = False
        rows = max(sum(1 for line in out.split("\n") if line.strip(" \r")) - 1, 0) if known else None
        suffix = {",": ".csv", "\t": ".tsv"}.get(mark, ".log")
        told = _told(rng, seed, suffix)
        rows = rows if _sure(seed, told) else None
        return Case("file", "csv", [out.encode("utf-8", "surrogatepass")], told, rows)

    def _edit(self, rng: Random, lines: list[list[str]], mark: str) -> bool:
        """Changes cells, a column or a line; whether each line still is one record, the first a header."""
        pick = rng.random()
        body = range(min(1, len(lines) - 1), len(lines))
        width = len(lines[-1])
        column = rng.randrange(max(map(len, lines)))
        if pick < 0.6:
            for _ in range(rng.choice((1, 1, 1, 2, 8))):
                cells = lines[rng.choice(body)]
                word = rng.choice(WORDS)
                if cells:
                    cells[rng.randrange(len(cells))] = word
            return all(len(cells) > 1 for cells in lines)
        if pick < 0.72:
            what = rng.randrange(5)
            word = rng.choice(WORDS)
            for i, cells in enumerate(lines):
                if column >= len(cells):
                    continue
                if what == 0 and len(cells) > 1:
                    del cells[column]
                elif what == 1:
                    cells.insert(column, cells[column])
                elif what == 2 and column:
                    cells[0], cells[column] = cells[column], cells[0]
                elif what == 3 and i:
                    cells[column] = word
                elif what == 4 and not i:
                    cells[column] = rng.choice((word, cells[0], cells[column].lower(), "x"))
            return False
        if pick < 0.9:
            at = rng.choice(body)
            what = rng.randrange(6)
            if what == 0:
                lines.insert(at, list(lines[0]))
            elif what == 1:
                lines.insert(at, list(lines[at]))
            elif what == 2 and len(lines) > 2:
                del lines[at]
            elif what == 3:
                lines.insert(at, list(rng.choice(rng.choice(self._lines).text.splitlines()).split(mark)))
            elif what == 4:
                lines[at] = lines[at][: rng.randint(1, width)]
            else:
                lines += [list(cells) for cells in lines[1:]] * rng.choice((1, 3, 10))
            # a header in the middle is no record
            return what in (1, 2, 5)
        cells = lines[rng.choice(body)]
        cells[rng.randrange(len(cells))] = rng.choice(("x" * 9000, "\u00e9" * 3000, mark * 50, "\n", "\n\n"))
        return False


_PLAIN = tuple(n for n, p in PRESETS.items() if not (p.header or p.comment or p.ends or p.tuples or p.skip))
"""Presets of whose text files each line but the first is a record."""


def _told(rng: Random, seed: Seed, suffix: str) -> dict[str, Any]:
    told: dict[str, Any] = {"suffix": suffix}
    if rng.random() < 0.4 and seed.preset in PRESETS:
        told["preset"] = seed.preset
    elif rng.random() < 0.1:
        told["preset"] = rng.choice(("auto", "canonical", *PRESETS))
    if rng.random() < 0.25:
        told["block_bytes"] = rng.choice((1, 16, 200, 1000))
    if rng.random() < 0.1:
        told["pack"] = rng.choice((".gz", ".zst"))
    elif rng.random() < 0.1:
        told["stdin"] = rng.choice((True, "csv", "ndjson"))
    return told


def _flat(record: Record, before: str = "") -> Record:
    """The record with the fields of inner objects as columns of their own."""
    out: Record = {}
    for name, value in record.items():
        out.update(_flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value})
    return out


def _as_csv(rng: Random, records: list[Record]) -> str:
    names = list(dict.fromkeys(name for record in records for name in record))
    mark = rng.choice((",", ",", "\t", ";", "|"))
    cells = [[str(r.get(n, "")).replace(mark, "").replace("\n", "") for n in names] for r in records]
    return "\n".join(mark.join(row) for row in [names, *cells]) + "\n"


def _json(rng: Random, seed: Seed) -> Case:
    records = [dict(rng.choice(seed.records)) for _ in range(rng.choice((1, 2, 2, 3, 5)))]
    raw: dict[str, str] = {}
    for _ in range(rng.randint(0, 4)):
        _spoil(rng, records, raw)
    texts = [json.dumps(record, ensure_ascii=rng.random() < 0.5) for record in records]
    for mark, token in raw.items():
        texts = [text.replace(f'"{mark}"', token) for text in texts]
    texts *= rng.choice((1, 1, 1, 1, 4))
    if rng.random() < 0.1:
        texts.insert(rng.randrange(len(texts) + 1), rng.choice(TOKENS + WORDS))
    form = rng.random()
    rows: int | None = None
    if form < 0.7:
        end = "\n" if rng.random() < 0.85 else rng.choice(_ENDS)
        out = end.join(texts) + (end if rng.random() < 0.8 else "")
        if "\r" not in out and not any(odd in out for odd in "\x0b\x0c\x00") and texts[0].endswith("}"):
            # the first line whole: one object a line
            rows = sum(1 for line in out.split("\n") if line.strip(" \t")) if _sound(texts[0]) else None
    elif form < 0.85:
        out = (
            "[" + rng.choice((",", ",\n", " , ", ",,")).join(texts) + rng.choice(("]", "]\n", "", "]]", "],"))
        )
    else:
        out = "\n".join(json.dumps(record, indent=rng.choice((0, 1, 2))) for record in records)
        for mark, token in raw.items():
            out = out.replace(f'"{mark}"', token)
    data = out.encode("utf-8", "surrogatepass")
    told = _told(rng, seed, rng.choice((".json", ".ndjson")))
    return Case("file", "json", [data], told, rows if _sure(seed, told) else None)


def _sure(seed: Seed, told: dict[str, Any]) -> bool:
    """Whether a line is a record: not one that holds several, nor as another exporter's."""
    mine = told.get("preset") in (None, seed.preset) and not isinstance(told.get("stdin"), str)
    return mine and (seed.preset not in PRESETS or not PRESETS[seed.preset].tuples)


def _sound(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _spoil(rng: Random, records: list[Record], raw: dict[str, str]) -> None:
    """Changes one field of one record, or of all."""
    i = rng.randrange(len(records))
    record = records[i]
    if not record:
        return
    name = rng.choice(list(record))
    pick = rng.random()
    inner = record[name]
    if isinstance(inner, (dict, list)) and inner and rng.random() < 0.8:
        # one level down, on a copy: seeds are shared
        inner = dict(inner) if isinstance(inner, dict) else list(inner)
        record[name] = inner
        if isinstance(inner, dict):
            _spoil(rng, [inner], raw)
        else:
            at = rng.randrange(len(inner))
            if isinstance(inner[at], dict):
                inner[at] = dict(inner[at])
                _spoil(rng, [inner[at]], raw)
            else:
                inner[at] = _value(rng, raw, str(inner[at]))
        return
    if pick < 0.65:
        record[name] = _value(rng, raw, str(inner))
    elif pick < 0.72:
        del record[name]
    elif pick < 0.8:
        record[rng.choice((name.lower(), name + " ", f"{name}.{name}", rng.choice(WORDS)))] = record.pop(name)
    elif pick < 0.86:
        other = rng.choice(list(record))
        record[name], record[other] = record[other], record[name]
    elif pick < 0.93:
        value = _value(rng, raw, str(inner))
        for j, each in enumerate(records):
            if name in each and j != i:
                each[name] = value
    else:
        record[name] = rng.choice(({name: inner}, [inner], [inner, inner], {"a": {"b": inner}}))


def _value(rng: Random, raw: dict[str, str], told: str) -> Any:
    pick = rng.random()
    if pick < 0.45:
        return rng.choice(WORDS)
    if pick < 0.7:
        return rng.choice(JSON_VALUES)
    if pick < 0.75:
        # one text of many holds something like tuples
        cells = told.split(",")
        cells[rng.randrange(len(cells))] = rng.choice(WORDS)
        return ",".join(cells)
    mark = f"\u2402{len(raw)}"
    raw[mark] = rng.choice(TOKENS)
    raw[json.dumps(mark)[1:-1]] = raw[mark]
    return mark
