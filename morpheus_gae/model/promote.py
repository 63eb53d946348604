"""Promote: one model folder into the place of another, which is kept."""

from __future__ import annotations

import os
from pathlib import Path

from morpheus_gae.errors import ArtifactError, OutputError
from morpheus_gae.model.artifact import load_artifact, write_whole

FILES = ("model.safetensors", "metrics.json", "README.md", "config.json")
"""In the order they are written: a reader that meets two models at once finds hashes that do not fit, and
keeps what it has until the last file is there."""


def promote(new: str | Path, used: str | Path) -> tuple[str, str | None]:
    """Copy a model over the one in use.

    Parameters
    ----------
    new
        Folder of a model; it is verified first.
    used
        Folder that programs read. What it holds, sound or not, goes to ``used.previous``, in the place of
        what was there; a folder that does not exist is made.

    Returns
    -------
    tuple
        Name and hash of the model now in use, and of the one before: None if there was none.

    Raises
    ------
    ArtifactError
        If the new model is not sound, or both folders are the same; nothing is changed.
    OutputError
        If a file cannot be written, or ``used`` names no folder.
    """
    # a relative path such as . has no name for what stands beside it
    source, target = Path(new), Path(os.path.abspath(used))
    if not str(used) or not target.name:
        raise OutputError(f"{str(used)!r} is no folder for a model")
    artifact = load_artifact(source)
    if target.is_dir() and source.samefile(target):
        raise ArtifactError(f"{new} and {used} are the same folder")
    before = None
    # read whole before anything is written: the source may be what the target's own is moved to
    fresh = _held(source)
    old = _held(target)
    if old:
        try:
            found = load_artifact(target)
            before = f"{found.name}@{found.hash}"
        except ArtifactError:
            before = "a broken model"
    try:
        if old:
            _put(target.with_name(target.name + ".previous"), old)
        _put(target, fresh)
    except OSError as error:
        raise OutputError(f"cannot write {error.filename}: {error.strerror}") from error
    return f"{artifact.name}@{artifact.hash}", before


def _held(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}


def _put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        path = folder / name
        if name in files:
            write_whole(path, files[name])
        else:
            path.unlink(missing_ok=True)
