"""Triton kernels without a GPU: right under Triton's interpreter, and compiled for one."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_gae.model.artifact import Artifact

pytest.importorskip("torch")
triton = pytest.importorskip("triton")

ROOT = Path(__file__).resolve().parents[2]
FLOATS, LONGS, INTS, BOOLS = "*fp32", "*i64", "*i32", "*i1"
# arguments in order, then the constants
KERNELS = {
    "triton_flow._bins_kernel": (
        [FLOATS, BOOLS, *[FLOATS] * 3, *["i32"] * 3, INTS, INTS, "i32", "i32", FLOATS, INTS, FLOATS, "i32"],
        {"STEPS": 9, "BLOCK": 256},
    ),
    "triton_flow._types_kernel": (
        [INTS, LONGS, *[FLOATS] * 5, "i32"],
        {"K": 32, "BLOCK": 64},
    ),
    "triton_sums._sums_kernel": (
        [FLOATS, FLOATS, LONGS, LONGS, LONGS, FLOATS, "i32"],
        {"GATED": True, "WIDTH": 64, "BLOCK": 16},
    ),
    "triton_attention._attention_kernel": (
        [*[FLOATS] * 6, *[LONGS] * 5, *[FLOATS] * 3, "i32", "fp32"],
        {"BIASED": True, "HEADS": 2, "DIM": 16, "NUMBERS": 5, "BLOCK": 32},
    ),
    "triton_edge._edge_kernel": (
        [FLOATS, LONGS, *[FLOATS] * 8, "i32"],
        {"NUMBERS": 4, "HIDDEN": 32, "WIDTH": 64, "BLOCK": 64},
    ),
    "triton_distinct._insert_kernel": (
        [LONGS, LONGS, INTS, LONGS, "i32", "i32", "i64"],
        {"BLOCK": 256, "SPARE": 64},
    ),
}


def test_kernels_under_the_interpreter(tiny_models: dict[str, Artifact]) -> None:
    # a process of its own: triton decides when it is imported
    folders = [str(artifact.path) for artifact in tiny_models.values()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.executors.cuda_kernels", *folders],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.stdout == "the same\n", done.stderr[-3000:]


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled there")
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_compile(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    module, _, function = name.partition(".")
    kernel = getattr(importlib.import_module(f"morpheus_gae.executors.{module}"), function)
    arguments, constants = KERNELS[name]
    names = kernel.arg_names
    assert len(names) == len(arguments) + len(constants)
    signature = dict(zip(names, arguments, strict=False)) | dict.fromkeys(constants, "constexpr")
    source = ASTSource(kernel, signature, {(names.index(key),): value for key, value in constants.items()})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": True})
    assert made.asm["cubin"]
