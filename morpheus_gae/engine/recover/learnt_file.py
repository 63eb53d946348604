"""Learnt file: the learnt state on disk, tables as safetensors, numbers and hash in JSON.

::

    {"file": "learnt-0123456789ab.safetensors", "sha256": "...", "facts": {...}, "seal": "..."}

The file is named by its content hash, so that the JSON, which is replaced atomically, always names an
existing one. Like a model it is validated: types, shapes and values must be such as this program writes;
nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from morpheus_gae.detect import follow
from morpheus_gae.detect.kin import HOST_KEYS, PAIR_KEYS
from morpheus_gae.detect.learner import MOST_BLOCKS
from morpheus_gae.detect.learnt_columns import host_columns, pair_columns
from morpheus_gae.engine.learning import FOLLOWED, ROWS, Snapshot
from morpheus_gae.engine.recover.atomic import write_bytes
from morpheus_gae.model.artifact_checks import value_flaw
from morpheus_gae.model.artifact_file import TYPES, read_checked
from morpheus_gae.model.artifact_schema import schema
from morpheus_gae.model.strict_json import seal

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact

Found = Mapping[str, tuple[str, tuple[int, ...]]]

KEYS = ("key", *HOST_KEYS, *PAIR_KEYS)
MOST_ROWS = 1 << 26
MOST_SUM = 1e18
_WHOLE = 1 << 62
_CODES = {np.dtype(code).str: name for name, code in TYPES.items()}


class LearntFiles:
    """Writes and reads the tables of a state or a checkpoint.

    Parameters
    ----------
    folder
        Folder of the files.
    stem
        Prefix of their names.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder, self._stem = folder, stem

    def write(self, snapshot: Snapshot) -> dict[str, Any]:
        """Write the tables; return the values to store in JSON.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        from safetensors.numpy import save

        data = save({name: np.ascontiguousarray(t) for name, t in snapshot.tensors.items()})
        sha = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{self._stem}-{sha[:12]}.safetensors"
        # an unreadable folder is reported by the writer
        if not os.path.exists(path):
            write_bytes(path, data)
        told = {"file": path.name, "sha256": sha, "facts": snapshot.facts}
        return {**told, "seal": seal(told)}

    def tidy(self, told: Mapping[str, Any]) -> None:
        """Remove earlier tables, once the JSON with the new ones is in place."""
        mine = re.compile(rf"\.?{re.escape(self._stem)}-[0-9a-f]{{12}}\.safetensors(\.part)?")
        for path in self._folder.iterdir():
            if mine.fullmatch(path.name) and path.name != told["file"]:
                path.unlink(missing_ok=True)

    def read(self, told: Any, artifact: Artifact) -> Snapshot:
        """Read and validate a snapshot.

        Parameters
        ----------
        told
            Result of ``write``.
        artifact
            The model it belongs to.

        Raises
        ------
        ValueError
            If it is damaged, or does not belong to this model.
        """
        if not isinstance(told, dict) or told.get("seal") != seal(told):
            raise ValueError("what it says of the learnt tables does not fit its seal")
        name, sha, facts = told.get("file"), told.get("sha256"), told.get("facts")
        if not isinstance(sha, str) or name != f"{self._stem}-{sha[:12]}.safetensors":
            raise ValueError("it names no learnt tables")
        path = self._folder / name
        try:
            tensors = read_checked(path, lambda found: _misfit(found, artifact))
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else _sha(file)
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror}") from None
        if found.hexdigest() != sha:
            raise ValueError(f"{name} is another file than the one that was written")
        flaw = _facts_flaw(facts, tensors) or _value_flaw(tensors, artifact)
        if flaw is not None or not isinstance(facts, dict):
            raise ValueError(f"{name}: {flaw}")
        return Snapshot(facts, tensors)


def _sha(file: Any) -> Any:
    whole = hashlib.sha256()
    while chunk := file.read(1 << 20):
        whole.update(chunk)
    return whole


def _columns(artifact: Artifact) -> dict[str, dict[str, tuple[str, tuple[int, ...]]]]:
    """Return the safetensors type and the row shape, by table and column."""
    spec = artifact.spec
    tables = {"hosts": host_columns(spec.partners), "pairs": pair_columns(max(spec.flow_types, 1))}
    out = {
        part: {"key": ("U64", ()), **{n: (_CODES[np.dtype(t).str], s) for n, (t, s) in columns.items()}}
        for part, columns in tables.items()
    }
    floats = dict.fromkeys(("surprise", "raw", "added"), ("F32", ()))
    return {**out, "recent": {**floats, **dict.fromkeys(("src", "dst", "block"), ("I32", ()))}}


def _misfit(found: Found, artifact: Artifact) -> str | None:
    """Describe what is wrong with types and shapes; None if nothing is."""
    wanted = schema(artifact.spec)
    followed = {name for name in wanted if name.startswith(FOLLOWED)}
    columns = _columns(artifact)
    names = followed | {f"{part}.{name}" for part, of in columns.items() for name in of}
    if names != found.keys():
        odd = sorted(names ^ found.keys())[:3]
        return f"it has not the tables of this model: {', '.join(f'{name!a:.60}' for name in odd)}"
    sizes: dict[str, int] = {}
    for name, (dtype, shape) in found.items():
        part, _, column = name.partition(".")
        if name in followed:
            kind = wanted[name]
            rows = kind.shape[0]
            # rows of the memory, possibly fewer than those of the learner
            group = f"memory {rows}" if isinstance(rows, str) else ""
            sound = dtype == kind.dtype and len(shape) == len(kind.shape) and shape[1:] == kind.shape[1:]
            sound = sound and (isinstance(rows, str) or shape[0] == rows)
        else:
            group, (wants, fits) = part, columns[part][column]
            sound = dtype == wants and len(shape) == 1 + len(fits) and shape[1:] == fits
        if not sound or shape[0] > MOST_ROWS or (group and sizes.setdefault(group, shape[0]) != shape[0]):
            return f"{name} has not the type and shape that it must have"
    return None if sizes["recent"] <= follow.MOST else "recent has too many flows"


def _value_flaw(t: Mapping[str, npt.NDArray[Any]], artifact: Artifact) -> str | None:
    """Describe what is wrong with the values; None if nothing is."""
    for part in ("hosts", "pairs"):
        if np.unique(t[f"{part}.key"]).shape[0] != t[f"{part}.key"].shape[0]:
            return f"{part} has a key twice"
    for name, column in t.items():
        part, _, short = name.partition(".")
        if part not in ("hosts", "pairs", "recent") or short in KEYS or not column.size:
            continue
        low, high = float(column.min()), float(column.max())
        # min and max of an array with a NaN are NaN
        least = -MOST_SUM if short in ("out", "in", "sums") else 0.0
        if name == "recent.raw":
            least = -MOST_SUM
        if name.startswith(("pairs.first", "hosts.first")):
            least = -float(MOST_BLOCKS)
        if not (least <= low and high <= MOST_SUM):
            return f"{name} is out of range"
    for name in ("hosts.out", "hosts.in", "pairs.sums"):
        if t[name].size and min(t[name][:, 0].min(), t[name][:, 4:].min()) < 0:
            return f"{name} has negative counts"
    for name in ("recent.src", "recent.dst"):
        if t[name].size and t[name].max() >= follow.UNITS:
            return f"{name} is out of range"
    if not np.array_equal(t["memory.salt"], artifact.tensors["memory.salt"]):
        return "its keys are of another salt than the model's"
    followed = {name: column for name, column in t.items() if name.startswith(FOLLOWED)}
    # an empty memory has one dummy row
    own = artifact.tensors
    empty = [name for name, column in followed.items() if name.startswith(ROWS) and not column.size]
    followed |= {name: own[name][:1] for name in empty}
    return value_flaw(artifact.spec, {**artifact.tensors, **followed})


def _facts_flaw(facts: Any, tensors: Mapping[str, npt.NDArray[Any]]) -> str | None:
    """Describe what is wrong with the numbers beside the tables; None if nothing is."""
    try:
        learner, recent, listening = facts["learner"], facts["recent"], facts["listening"]
        whole = [learner["flows"], learner["merged_flows"], *recent.values(), listening["flows"]]
        whole += [listening["hours"], facts["taken_at"], facts["fitted_at"]]
        whole += [n for part in listening["slices"] for n in part]
        maybe = [learner["now"], learner["merged_at"], learner["began"], listening["start"]]
        threshold, days = facts["threshold"], facts["half_life_days"]
        sound = (
            all(type(n) is int and 0 <= n < _WHOLE for n in whole)
            and all(n is None or (type(n) is int and 0 <= n <= MOST_BLOCKS) for n in maybe)
            and (learner["now"] or 0) >= max(learner["merged_at"] or 0, learner["began"] or 0)
            and type(learner["before"]) is float
            and 0 <= learner["before"] <= 1
            and type(listening["over"]) is bool
            and 1 <= len(listening["slices"]) <= 3
            and all(len(part) == 2 for part in listening["slices"])
            and recent.keys() == {"total", "stride", "skip", "turned_at", "turned_ms"}
            and recent["stride"] >= 1
            and min(recent["total"], follow.MOST) == tensors["recent.surprise"].shape[0]
            and (threshold is None or (type(threshold) is float and threshold >= 0))
            and type(days) in (int, float)
            and days > 0
        )
    except (KeyError, TypeError, AttributeError):
        sound = False
    return None if sound else "the numbers beside the tables make no sense"
