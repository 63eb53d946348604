"""The tensors' file: damaged anywhere it is refused, and nothing is asked of memory that it does not hold."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.errors import ArtifactError
from morpheus_gae.model.artifact import load_artifact
from morpheus_gae.model.artifact_file import MOST_HEADER, read_tensors
from morpheus_gae.model.spec import PRESETS
from tests.model.make import sound, sound_tensors

SPEC = PRESETS["default"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (sound(tmp_path_factory.mktemp("sound")).path / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("file") / "model.safetensors"


def parts(raw: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def joined(header: Any, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def read(file: Path, raw: bytes) -> dict[str, np.ndarray]:
    file.write_bytes(raw)
    return read_tensors(file, SPEC)


@given(data=st.data())
def test_a_changed_header_or_length(raw: bytes, file: Path, data: st.DataObject) -> None:
    length = 8 + int.from_bytes(raw[:8], "little")
    at = data.draw(st.integers(0, length - 1))
    changed = bytearray(raw)
    changed[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(raw) - 1)))
    with contextlib.suppress(ValueError):
        tensors = read(file, bytes(changed[:cut]))
        # white space, or the two names of equal tensors turned into each other's
        wanted = sound_tensors(SPEC)
        assert {n: a.shape for n, a in tensors.items()} == {n: a.shape for n, a in wanted.items()}


def test_headers_that_lie(raw: bytes, file: Path) -> None:
    header, data = parts(raw)
    first = "memory.pair_key"

    def told(**changes: Any) -> str:
        with pytest.raises(ValueError) as caught:
            read(file, joined({**header, first: {**header[first], **changes}}, data))
        return str(caught.value)

    start, stop = header[first]["data_offsets"]
    assert "does not lie where" in told(data_offsets=[start, stop + 8])
    assert "does not lie where" in told(data_offsets=[start + 8, stop + 8])
    assert "does not lie where" in told(data_offsets=[stop, start])
    assert "no type, shape and place" in told(data_offsets=[-8, 8])
    assert "no type, shape and place" in told(data_offsets=[start, True])
    assert "no type, shape and place" in told(data_offsets=[start])
    assert "no type, shape and place" in told(shape=7)
    assert "no type, shape and place" in told(shape=[9.0])
    assert "no type, shape and place" in told(dtype=None)
    assert "must be U64" in told(dtype="X" * 999)
    assert "pairs must be 1 to" in told(shape=[1 << 40])
    assert "does not lie where" in told(data_offsets=[start, start + 2**62])
    with pytest.raises(ValueError, match="no object"):
        read(file, joined([], data))
    with pytest.raises(ValueError, match="goes on after"):
        read(file, raw + b"\0")
    with pytest.raises(ValueError, match="ends after"):
        read(file, raw[:-1])
    deep = b"[" * 90_000
    with pytest.raises(ValueError, match="nests deeper"):
        read(file, len(deep).to_bytes(8, "little") + deep)
    for length in (0, 1, MOST_HEADER + 1, 1 << 63):
        with pytest.raises(ValueError, match=f"header of {length} bytes"):
            read(file, length.to_bytes(8, "little") + raw[8:])
    with pytest.raises(ValueError, match="header of 0 bytes"):
        read(file, b"")


def test_what_other_writers_add_or_leave_out(raw: bytes, file: Path) -> None:
    header, data = parts(raw)
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    # without padding the tensors lie anywhere
    text += b" " * (-(len(text) - 3) % 8)
    tensors = read(file, len(text).to_bytes(8, "little") + text + data)
    for name, tensor in sound_tensors(SPEC).items():
        np.testing.assert_array_equal(tensors[name], tensor)
        assert tensors[name].flags.aligned


def test_sizes_beyond_the_memory_are_told(tmp_path: Path) -> None:
    folder = sound(tmp_path / "m").path
    header, data = parts((folder / "model.safetensors").read_bytes())
    rows, end = 1 << 30, 0
    for told in sorted(header.values(), key=lambda t: t["data_offsets"]):
        shape = [rows if n == 9 else n for n in told["shape"]]
        size = int(np.prod(shape)) * int(told["dtype"][1:]) // 8
        told.update(shape=shape, data_offsets=[end, end + size])
        end += size
    (folder / "model.safetensors").write_bytes(joined(header, data))
    with pytest.raises(ArtifactError, match=r"does not fit into the memory|ends after"):
        load_artifact(folder)
