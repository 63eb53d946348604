"""Generate: the input of a number."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.flows.made_files import compressed
from tests.fuzz.case import Case
from tests.fuzz.maps import mapped
from tests.fuzz.messages import MessageCases
from tests.fuzz.models import ModelCases
from tests.fuzz.octets import changed
from tests.fuzz.records import seeds
from tests.fuzz.tables import TableCases
from tests.fuzz.text import TextCases

WHOLE = 0.12
"""Share of inputs whose flows go on to scores and alerts."""
_MAKER = {"csv": "text", "json": "text"}
MAPPED = 0.08
"""Share of files whose layout is told by a map."""
FROM_KEPT = 0.25
"""Share of inputs made from kept ones, where there are some."""


class Generator:
    """Gives the input of a number: the same one for a seed and the same kept inputs."""

    def __init__(self, seed: int, only: str | None = None) -> None:
        self.seed = seed
        self.seeds = seeds()
        self.kept: list[Case] = []
        self._tables, self._models = TableCases(self.seeds), ModelCases()
        texts, tables = TextCases(self.seeds), self._tables
        self._messages = MessageCases(texts, tables)
        # name, share, maker
        self._makers = [
            ("text", 0.26, texts.make),
            ("arrow", 0.09, tables.arrow),
            ("parquet", 0.06, tables.parquet),
            ("door", 0.33, tables.door),
            ("payload", 0.22, self._messages.make),
            ("model", 0.04, self._models.make),
        ]
        self._makers = [maker for maker in self._makers if only in (None, maker[0])]

    def sound(self) -> Iterator[Case]:
        """Inputs of every kind that nobody has changed."""
        for seed in self.seeds:
            for block in (8 << 20, 200):
                told = {"suffix": seed.suffix, "block_bytes": block}
                yield Case("file", "text", [seed.text.encode()], told, whole=True)
        for kind, data in self._tables.sound():
            yield Case("door", kind, [data])
            yield Case("file", kind, [data], {"suffix": f".{kind}"}, whole=True)
        for kind, data in self._messages.sound():
            yield Case("payload", kind, [data, data], {"types": None})
        for parts in self._models.files:
            yield Case("model", "bytes", parts)

    def case(self, number: int, kept: int | None = None) -> Case:
        """Input ``number``, made when there were so many kept ones."""
        rng = Random(self.seed << 48 | number)
        at = rng.random() * sum(share for _, share, _ in self._makers)
        for name, share, make in self._makers:  # noqa: B007
            at -= share
            if at < 0:
                break
        case = make(rng, self._again(rng, name, kept))
        case.whole = name != "model" and rng.random() < WHOLE
        if case.target == "file" and rng.random() < MAPPED:
            mapped(rng, case)
        pack = case.told.pop("pack", None)
        if pack is not None:
            case.parts[0] = compressed(case.parts[0], pack)
            case.told["suffix"] += pack
            if rng.random() < 0.4:
                case.parts[0], case.rows = changed(rng, case.parts[0], b""), None
        return case

    def _again(self, rng: Random, name: str, kept: int | None) -> bytes | None:
        """The bytes of an input that was kept, of the kind that a maker makes."""
        old = self.kept[:kept]
        if not old or rng.random() >= FROM_KEPT:
            return None
        found = old[rng.randrange(len(old))]
        kind = found.target if found.target != "file" else _MAKER.get(found.kind, found.kind)
        packed = str(found.told.get("suffix", "")).endswith((".gz", ".zst"))
        return found.parts[0] if kind == name and kind != "model" and not packed else None
