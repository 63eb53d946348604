"""Case: one input of the fuzzer, whole enough to be kept in a file and tried again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Case:
    """An input and what is known of it.

    ``parts``: the bytes of a file, of each message, or of the files of a model. ``told``: settings it is read
    with. ``rows``: records it must give, as flows, bad or skipped ones; None where that cannot be known.
    ``whole``: whether its flows go on to scores and alerts.
    """

    target: str
    kind: str
    parts: list[bytes]
    told: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None
    whole: bool = False

    def to_bytes(self) -> bytes:
        head = {**asdict(self), "parts": [len(part) for part in self.parts]}
        return json.dumps(head).encode() + b"\n" + b"".join(self.parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Case:
        head, _, rest = data.partition(b"\n")
        told = json.loads(head)
        parts, at = [], 0
        for size in told["parts"]:
            parts.append(rest[at : at + size])
            at += size
        return cls(**{**told, "parts": parts})
