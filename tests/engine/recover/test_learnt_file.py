"""Tables of a run that learns, on the disk: exact, replaced whole, and read as strictly as a model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from morpheus_gae.detect.learner import BLOCK_MS
from morpheus_gae.engine.learning import Snapshot
from morpheus_gae.engine.recover.learnt_file import LearntFiles
from morpheus_gae.model.artifact import Artifact
from morpheus_gae.model.strict_json import seal
from tests.engine.test_learning import hour, learning_of, take


def snapshot_of(artifact: Artifact, hours: int = 3) -> Snapshot:
    learning, _ = learning_of(artifact)
    for n in range(hours):
        take(learning, hour(n))
    snapshot = learning.snapshot()
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize("hours", [1, 5])
def test_what_is_written_is_read(tmp_path: Path, tiny_models: dict[str, Artifact], hours: int) -> None:
    artifact = tiny_models["default"]
    files, snapshot = LearntFiles(tmp_path, "learnt"), snapshot_of(artifact, hours)
    told = json.loads(json.dumps(files.write(snapshot)))
    found = files.read(told, artifact)
    assert found.facts == snapshot.facts
    assert found.tensors.keys() == snapshot.tensors.keys()
    assert all(np.array_equal(found.tensors[n], t) for n, t in snapshot.tensors.items())


def test_times_before_the_epoch_are_kept_too(tmp_path: Path, tiny_models: dict[str, Artifact]) -> None:
    artifact = tiny_models["default"]
    learning, _ = learning_of(artifact)
    for n in range(-2, 1):
        flows = hour(n + 2)
        assert flows.time_ms is not None
        take(learning, dataclasses.replace(flows, time_ms=flows.time_ms - 2 * BLOCK_MS))
    snapshot = learning.snapshot()
    assert snapshot is not None
    files = LearntFiles(tmp_path, "learnt")
    assert files.read(json.loads(json.dumps(files.write(snapshot))), artifact).facts == snapshot.facts


def test_earlier_tables_go_once_later_ones_are_named(
    tmp_path: Path, tiny_models: dict[str, Artifact]
) -> None:
    files, artifact = LearntFiles(tmp_path, "learnt"), tiny_models["default"]
    (tmp_path / "learnt-of-mine.safetensors").write_text("another's")
    (tmp_path / ".learnt-0123456789ab.safetensors.part").write_text("left by a crash")
    first = files.write(snapshot_of(artifact, 1))
    second = files.write(snapshot_of(artifact, 2))
    assert {first["file"], second["file"]} <= {p.name for p in tmp_path.iterdir()}
    files.tidy(second)
    assert {p.name for p in tmp_path.iterdir()} == {second["file"], "learnt-of-mine.safetensors"}
    # the same again is no other file
    assert files.write(snapshot_of(artifact, 2)) == second


def changed(told: dict[str, Any], folder: Path, **tensors: Any) -> dict[str, Any]:
    """Other values, with a hash and a seal that fit: neither is a secret."""
    import hashlib

    data = {**load((folder / told["file"]).read_bytes()), **tensors}
    raw = save({n: np.ascontiguousarray(t) for n, t in data.items() if t is not None})
    sha = hashlib.sha256(raw).hexdigest()
    (folder / f"learnt-{sha[:12]}.safetensors").write_bytes(raw)
    new = {**told, "sha256": sha, "file": f"learnt-{sha[:12]}.safetensors"}
    return {**new, "seal": seal(new)}


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("pairs.key", lambda t: np.repeat(t[:1], t.shape[0]), "a key twice"),
        ("pairs.types", lambda t: np.where(t > 0, np.nan, t), r"pairs\.types is out of range"),
        ("pairs.types", lambda t: t[:, :-1], r"pairs\.types has not the type and shape"),
        ("pairs.sums", lambda t: t * np.float64(1e30), r"pairs\.sums is out of range"),
        ("hosts.out", lambda t: -t, "negative counts"),
        ("hosts.out", lambda t: t[1:], "has not the type and shape"),
        ("hosts.days", lambda t: t - 1, r"hosts\.days is out of range"),
        ("recent.src", lambda t: t + 70_000, r"recent\.src is out of range"),
        ("recent.surprise", lambda t: t * np.float32(np.nan), r"recent\.surprise is out of range"),
        ("recent.surprise", lambda t: t.astype(np.float64), "has not the type and shape"),
        ("memory.pair_key", lambda t: t[::-1], "must ascend"),
        ("memory.host_out", lambda t: -t, "negative counts"),
        ("memory.host_in", lambda t: t[1:], "has not the type and shape"),
        ("calibration.fused.x", lambda t: t[::-1], "must ascend"),
        ("memory.salt", lambda t: t + np.uint64(1), "another salt"),
        ("pairs.sums", lambda t: None, "has not the tables of this model"),
        ("net.tau", lambda t: np.zeros(1, np.float32), "has not the tables of this model"),
    ],
)
def test_tables_that_make_no_sense_are_refused(
    tmp_path: Path, tiny_models: dict[str, Artifact], name: str, spoil: Any, message: str
) -> None:
    files, artifact = LearntFiles(tmp_path, "learnt"), tiny_models["default"]
    snapshot = snapshot_of(artifact, 5)
    told = files.write(snapshot)
    spoiled = changed(told, tmp_path, **{name: spoil(snapshot.tensors.get(name))})
    with pytest.raises(ValueError, match=message):
        files.read(spoiled, artifact)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda facts: {**facts, "learner": {}},
        lambda facts: {**facts, "learner": {**facts["learner"], "flows": -1}},
        lambda facts: {**facts, "learner": {**facts["learner"], "now": "yesterday"}},
        lambda facts: {**facts, "learner": {**facts["learner"], "now": 1 << 40}},
        lambda facts: {**facts, "learner": {**facts["learner"], "now": 5, "merged_at": 6}},
        lambda facts: {**facts, "recent": {**facts["recent"], "stride": 0}},
        lambda facts: {**facts, "recent": {**facts["recent"], "total": 7}},
        lambda facts: {**facts, "listening": {**facts["listening"], "slices": []}},
        lambda facts: {**facts, "listening": {**facts["listening"], "slices": [[1, 2, 3]]}},
        lambda facts: {**facts, "threshold": "low"},
        lambda facts: [facts],
        lambda facts: None,
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    tmp_path: Path, tiny_models: dict[str, Artifact], spoil: Any
) -> None:
    files, artifact = LearntFiles(tmp_path, "learnt"), tiny_models["default"]
    told = files.write(snapshot_of(artifact))
    new = {**told, "facts": spoil(told["facts"])}
    with pytest.raises(ValueError, match="make no sense"):
        files.read({**new, "seal": seal(new)}, artifact)


def test_what_was_damaged_is_refused(tmp_path: Path, tiny_models: dict[str, Artifact]) -> None:
    files, artifact = LearntFiles(tmp_path, "learnt"), tiny_models["default"]
    told = files.write(snapshot_of(artifact))
    path = tmp_path / told["file"]
    whole = path.read_bytes()
    for wrong in (None, [], {}, {**told, "facts": {}}, {**told, "file": "../x"}):
        with pytest.raises(ValueError, match=r"seal|names no learnt tables"):
            files.read(wrong, artifact)
    elsewhere = {**told, "file": "/etc/passwd"}
    with pytest.raises(ValueError, match="names no learnt tables"):
        files.read({**elsewhere, "seal": seal(elsewhere)}, artifact)
    for data in (whole[:-1], whole + b"x", whole[: len(whole) // 2], b"", whole[:-9] + b"123456789"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"ends after|goes on after|header|another file|out of range"):
            files.read(told, artifact)
    path.unlink()
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        files.read(told, artifact)
