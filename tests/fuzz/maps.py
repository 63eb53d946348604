"""Maps: layouts told column by column, sensible ones and others, for files of any kind."""

from __future__ import annotations

import re
from random import Random

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.exporters.mapping import OURS
from morpheus_gae.flows.exporters.values.units import UNITS
from tests.flows import made_files as files
from tests.fuzz.case import Case
from tests.fuzz.values import WORDS

_ENDS = (c.IPV4_SRC, c.IPV4_DST, c.IN_BYTES, c.OUT_BYTES)
_NAME = re.compile(rb"[A-Za-z][\w.]{1,40}")


def mapped(rng: Random, case: Case) -> None:
    """Adds a map to an input, and at times the names of all its columns."""
    # names that are there, more or less
    there = [name.decode() for name in _NAME.findall(case.parts[0][:2000])] or files.NAMES
    ours = [*rng.sample(OURS, rng.randint(1, 3)), *(_ENDS if rng.random() < 0.7 else ())]
    case.told["map"] = [_entry(rng, name, there) for name in ours]
    if rng.random() < 0.2:
        names = list(files.NAMES) if rng.random() < 0.6 else rng.sample(there, min(len(there), 9))
        if rng.random() < 0.2:
            names[rng.randrange(len(names))] = rng.choice(("_", "", *names, *WORDS))
        case.told["columns"] = ",".join(names)
        case.rows = None


def _entry(rng: Random, ours: str, there: list[str]) -> str:
    theirs = rng.choice(there) if rng.random() < 0.5 or ours not in there else ours
    pick = rng.random()
    unit = f":{rng.choice((*UNITS.get(ours, ()), 'x'))}" if pick < 0.4 else ""
    return f"{ours}={theirs}{unit}" if pick < 0.98 else rng.choice(WORDS)
