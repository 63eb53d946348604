"""The file of an artifact's tensors: read once into memory, its header held against the spec before.

Format: safetensors (https://github.com/huggingface/safetensors): 8 bytes length of the header, the header as
JSON, the tensors one after the other. The library's own reader takes any names and shapes and holds
everything twice; this one knows what must be there, before it asks for memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from morpheus_gae.model.artifact_schema import misfit
from morpheus_gae.model.spec import ModelSpec
from morpheus_gae.model.strict_json import loads

MOST_HEADER = 1 << 20
"""Bytes; a header of a hundred tensors has ten thousand."""
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "U64": "<u8", "I32": "<i4"}


class _Entry(NamedTuple):
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_tensors(path: Path, spec: ModelSpec) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name, as the spec wants them; see `read_checked`."""
    return read_checked(path, lambda found: misfit(found, spec))


def read_checked(
    path: Path, misfit: Callable[[Mapping[str, tuple[str, tuple[int, ...]]]], str | None]
) -> dict[str, npt.NDArray[Any]]:
    """Tensors by name: views of one piece of memory.

    Parameters
    ----------
    misfit
        Tells what is wrong with the types and shapes that the header promises, or None.

    Raises
    ------
    ValueError
        If the file is damaged, or its tensors are not as they must be.
    OSError
        If it cannot be read.
    MemoryError
        If there is no room for it.
    """
    with path.open("rb") as file:
        entries = _header(file)
        wrong = misfit({name: (e.dtype, e.shape) for name, e in entries.items()})
        if wrong is not None:
            raise ValueError(wrong)
        end = 0
        for name, e in sorted(entries.items(), key=lambda item: item[1].start):
            size = math.prod(e.shape) * np.dtype(TYPES[e.dtype]).itemsize
            if (e.start, e.stop) != (end, end + size):
                raise ValueError(f"{name} does not lie where its size puts it")
            end = e.stop
        data = np.empty(end, np.uint8)
        _fill(file, data)
    tensors = {}
    for name, e in entries.items():
        tensor = data[e.start : e.stop].view(TYPES[e.dtype]).reshape(e.shape)
        # writers align tensors; compiled code relies on it
        tensors[name] = tensor if tensor.flags.aligned else tensor.copy()
    return tensors


def _header(file: BinaryIO) -> dict[str, _Entry]:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= MOST_HEADER:
        raise ValueError(f"it begins with a header of {length} bytes")
    header = loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    # free text of the program that wrote it
    header.pop("__metadata__", None)
    return {name: _entry(name, told) for name, told in header.items()}


def _entry(name: str, told: Any) -> _Entry:
    try:
        dtype, shape, (start, stop) = told["dtype"], told["shape"], told["data_offsets"]
        sound = isinstance(dtype, str) and isinstance(shape, list) and len(shape) <= 8
        sound = sound and all(type(n) is int and n >= 0 for n in (*shape, start, stop))
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise ValueError(f"its header tells no type, shape and place of {name!a:.60}")
    return _Entry(dtype[:8], tuple(shape), start, stop)


def _fill(file: BinaryIO, data: npt.NDArray[np.uint8]) -> None:
    view, done = data.data, 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise ValueError(f"it ends after {done:,} of {len(view):,} bytes of tensors")
        done += count
    if file.read(1):
        raise ValueError("it goes on after its last tensor")
