"""Model folders: a small sound one, with arrays and settings changed, and hashes that fit all the same."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from morpheus_gae.model.artifact import digest, seal
from morpheus_gae.model.spec import ModelSpec
from tests.fuzz.case import Case
from tests.fuzz.octets import changed
from tests.fuzz.values import JSON_VALUES, WORDS

MODELS = Path(__file__).resolve().parents[1] / "fixtures" / "models"
_NUMBERS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-30,
    1e30,
    -1e30,
    float("nan"),
    float("inf"),
    -float("inf"),
    2.0**31,
    2.0**63,
]
_KINDS = ("float32", "float64", "float16", "int32", "int64", "int8", "uint8", "uint64", "bool")

Tensors = dict[str, Any]


def small(name: str) -> tuple[dict[str, Any], Tensors]:
    """Settings and arrays of a model that the tests bring along."""
    folder = MODELS / name
    tensors = load_file(str(folder / "model.safetensors"))
    return json.loads((folder / "config.json").read_text(encoding="utf-8")), tensors


def packed(config: dict[str, Any], tensors: Tensors, sealed: bool = True) -> list[bytes]:
    """The two files of a folder; hash and seal fit if it is ``sealed``."""
    config = dict(config)
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    if sealed:
        try:
            config["sha256"] = digest(contiguous, ModelSpec.from_dict(config["spec"]))
        except Exception:  # a spec that is none: whoever reads it may say so
            sealed = False
    config.pop("seal", None)
    # as it will be read
    config = json.loads(json.dumps(config))
    config["seal"] = seal(config)
    return [json.dumps(config).encode(), save(contiguous)]


class ModelCases:
    """Makes model folders."""

    def __init__(self) -> None:
        self._models = [small("default"), small("published"), small("graph")]
        self.files = [packed(*model) for model in self._models]

    def make(self, rng: Random, kept: bytes | None = None) -> Case:
        at = rng.choice((0, 0, 1, 2))
        config, tensors = self._models[at]
        pick = rng.random()
        if pick < 0.12:
            parts = list(self.files[at])
            which = rng.randrange(2)
            head = 8 + struct.unpack_from("<Q", parts[1])[0]
            parts[which] = changed(rng, parts[which], self.files[0][0], [(0, head)] if which else None)
            return Case("model", "bytes", parts)
        if pick < 0.3:
            config = json.loads(json.dumps(config))
            kind = _configure(rng, config)
            parts = packed(config, tensors)
            if kind == "deep":
                parts[0] = parts[0][:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"
            elif kind == "no seal":
                told = json.loads(parts[0])
                told.pop("seal")
                parts[0] = json.dumps(told).encode()
            return Case("model", "config", parts)
        tensors = dict(tensors)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            _damage(rng, tensors)
        return Case("model", "tensors", packed(config, tensors))


def _damage(rng: Random, tensors: Tensors) -> None:
    """Changes one array: its values, type, shape or name."""
    if not tensors:
        return
    name = rng.choice(list(tensors))
    array = np.atleast_1d(tensors[name])
    pick = rng.randrange(14)
    if pick == 0:
        del tensors[name]
    elif pick == 1:
        tensors[rng.choice((name + "x", "", "net.x", "../x", "\x1b[2J", "memory.host_key"))] = tensors.pop(
            name
        )
    elif pick == 2:
        other = rng.choice(list(tensors))
        tensors[name], tensors[other] = tensors[other], tensors[name]
    elif pick == 3:
        with np.errstate(all="ignore"):
            tensors[name] = array.astype(rng.choice(_KINDS))
    elif pick == 4:
        tensors[name] = array[: len(array) // 2]
    elif pick == 5:
        tensors[name] = array[:0]
    elif pick == 6:
        tensors[name] = rng.choice((array.reshape(-1), array[None], array.T, np.concatenate([array, array])))
    elif pick == 7:
        tensors[name] = array[::-1]
    elif pick == 8:
        tensors[name] = np.zeros(rng.choice(((), (1,), (0, 0), (1, 1, 1, 1))), array.dtype)
    else:
        flat = array.copy().reshape(-1)
        if not flat.size:
            return
        at = rng.randrange(flat.size)
        stop = flat.size if pick == 9 else at + rng.choice((1, 1, 3, 100))
        with np.errstate(all="ignore"):
            if flat.dtype.kind == "f":
                flat[0 if pick == 9 else at : stop] = rng.choice(_NUMBERS)
            elif flat.dtype.kind != "b":
                edge = np.iinfo(flat.dtype)
                value = rng.choice((0, 1, edge.max, edge.min, flat.size, edge.max // 2))
                flat[0 if pick == 9 else at : stop] = value
            if pick == 10 and flat.dtype.kind == "f":
                flat *= flat.dtype.type(rng.choice((-1, 1000, 0)))
            if pick == 11:
                rng_order = list(range(flat.size))
                rng.shuffle(rng_order)
                flat = flat[rng_order]
        tensors[name] = flat.reshape(array.shape)


def _configure(rng: Random, config: dict[str, Any]) -> str:
    """Changes a setting; tells what the text of the file still needs."""
    pick = rng.randrange(8)
    if pick == 0:
        return "deep"
    if pick == 1:
        return "no seal"
    place = rng.choice((config, config["spec"], config["thresholds"], config["training"]))
    if pick == 2 and place:
        place.pop(rng.choice(list(place)))
    elif pick == 3:
        place[rng.choice(WORDS)] = rng.choice(JSON_VALUES)
    elif pick == 4:
        config["name"] = rng.choice((*WORDS, "../../x", "a/b", "x" * 5000, 7, None))
    elif place:
        value = rng.choice(
            (rng.choice(JSON_VALUES), rng.choice(JSON_VALUES), rng.choice(WORDS), 0, -1, 10**9, 3, 64)
        )
        place[rng.choice(list(place))] = value
    return ""
