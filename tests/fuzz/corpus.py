"""The folder of a run that goes on: position, inputs that reached something new, and failures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case

MOST = 4000
LARGEST = 1 << 16
EACH = 3
"""Files of failures of one kind."""


class Corpus:
    """``folder``: None keeps nothing but failures in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.failures: dict[str, dict[str, Any]] = {}
        self._kept = 0
        if folder is not None:
            (folder / "kept").mkdir(parents=True, exist_ok=True)
            (folder / "failures").mkdir(exist_ok=True)

    def position(self, seed: int) -> int:
        """Number of the next input of a seed."""
        return int(self._state().get(str(seed), 0))

    def go_on(self, seed: int, number: int) -> None:
        """Keep the position."""
        if self.folder is not None:
            state = {**self._state(), str(seed): number}
            (self.folder / "position.json").write_text(json.dumps(state) + "\n", encoding="utf-8")

    def _state(self) -> dict[str, int]:
        path = None if self.folder is None else self.folder / "position.json"
        return {} if path is None or not path.exists() else json.loads(path.read_text(encoding="utf-8"))

    def load(self) -> list[Case]:
        """Inputs kept by earlier runs, in the same order each time."""
        paths = [] if self.folder is None else sorted((self.folder / "kept").iterdir())
        self._kept = len(paths)
        return [Case.from_bytes(path.read_bytes()) for path in paths]

    def keep(self, data: bytes) -> bool:
        """Keep an input that reached something new; whether it was taken."""
        if self.folder is None or self._kept >= MOST or len(data) > LARGEST:
            return False
        self._kept += 1
        (self.folder / "kept" / f"{hashlib.sha256(data).hexdigest()[:20]}.case").write_bytes(data)
        return True

    def fail(self, where: str, number: int, data: bytes, text: str) -> None:
        """Note a failure; the first few of each kind are kept as files."""
        known = self.failures.setdefault(
            where, {"count": 0, "files": [], "numbers": [], "text": text[-3000:]}
        )
        known["count"] += 1
        if len(known["files"]) >= EACH:
            return
        known["numbers"].append(number)
        if self.folder is not None:
            path = self.folder / "failures" / f"{hashlib.sha256(data).hexdigest()[:20]}.case"
            path.write_bytes(data)
            path.with_suffix(".txt").write_text(f"{where}\n\n{text}\n", encoding="utf-8")
            known["files"].append(str(path))
