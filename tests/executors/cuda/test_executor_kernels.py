"""Triton kernels without a GPU: right under Triton's interpreter, and compiled for one."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("torch")

from morpheus_gae.model.artifact import Artifact, load_artifact
from tests.executors.whole_models import FEWER, whole_models

triton = pytest.importorskip("triton")

ROOT = Path(__file__).resolve().parents[3]
FLOATS, DOUBLES, HALVES, LONGS, INTS, BOOLS = "*fp32", "*fp64", "*fp16", "*i64", "*i32", "*i1"
MOST_LAUNCHES = {"default": 20, "published": 116, "graph": 50, "enriched": 20}
"""Kernels and torch's operations of a window, allocations and views left out."""
MOST_REGISTERS = 240
"""Of a thread: more leave a multiprocessor of sm_90 with a single block of 128 threads."""
# arguments in order, then the constants
KERNELS = {
    "flow._scores_kernel": (
        [
            *[FLOATS, BOOLS, INTS, LONGS, *[FLOATS] * 4, INTS, INTS],
            *[FLOATS, FLOATS, DOUBLES, FLOATS, FLOATS, "i32"],
        ],
        {
            **{"EDGES0": 100, "EDGES1": 150, "EDGES2": 40, "KNOTS": 96, "FUSED": 96, "LIFT": 96},
            **{"STEPS": 8, "EXTRA": 9, "K": 32, "BLOCK": 128},
        },
    ),
    "memory._hosts_kernel": (
        [
            *[LONGS] * 3,
            INTS,
            *[LONGS] * 3,
            INTS,
            INTS,
            LONGS,
            *["i32"] * 5,
            *["i64"] * 3,
            LONGS,
            INTS,
            *["i32"] * 4,
        ],
        {"PREFIXES": True, "BLOCK": 128},
    ),
    "memory._pairs_kernel": (
        [*[LONGS] * 6, *[INTS] * 5, *["i32"] * 5, LONGS, INTS, *["i32"] * 4],
        {"PREFIXES": True, "BLOCK": 128},
    ),
    "pairs._existence_kernel": (
        [LONGS, LONGS, *[INTS] * 3, *[FLOATS] * 6, "i32"],
        {"BIASED": True, "KNOTS": 96, "STEPS": 7, "WIDTH": 64, "BLOCK": 64},
    ),
    "pairs._mixture_kernel": (
        [LONGS, LONGS, INTS, INTS, FLOATS, FLOATS, HALVES, *[FLOATS] * 5, "i32"],
        {"EMBEDDED": True, "Z": 64, "WIDTH": 32, "K": 32, "BLOCK": 64},
    ),
    "pairs._both_kernel": (
        [LONGS, LONGS, *[INTS] * 3, *[FLOATS] * 3, HALVES, *[FLOATS] * 4, "i32"],
        {"KNOTS": 96, "STEPS": 7, "HEAD": 64, "WIDTH": 32, "K": 32, "BLOCK": 64},
    ),
    "activity._count_kernel": (
        [*[LONGS] * 5, INTS, LONGS, "i32", "i32"],
        {"PARTNERS": True, "BLOCK": 256},
    ),
    "activity._pairs_kernel": (
        [*[LONGS] * 5, INTS, INTS, *[DOUBLES] * 4, LONGS, DOUBLES, FLOATS, *["i32"] * 3],
        {"PARTNERS": True, "BLOCK": 256},
    ),
    "evidence._collect_kernel": ([DOUBLES, LONGS, LONGS, "i32"], {"BLOCK": 256}),
    "evidence._send_kernel": ([*[LONGS] * 5, "i32"], {"BLOCK": 256}),
    "evidence._lines_kernel": (
        [*[LONGS] * 5, INTS, INTS, *[FLOATS] * 3, "i32", "i32", *["fp32"] * 3],
        {"BLOCK": 256},
    ),
    "evidence._raise_kernel": (
        [DOUBLES, LONGS, *[FLOATS] * 3, DOUBLES, FLOATS, FLOATS, "i32"],
        {"COUNTED": True, "CURVE": 32, "KNOTS": 96, "STEPS": 7, "BLOCK": 256},
    ),
    "sums._sums_kernel": (
        [FLOATS, FLOATS, LONGS, LONGS, LONGS, DOUBLES, "i32"],
        {"GATED": True, "WIDTH": 64, "BLOCK": 16},
    ),
    "sums._join_kernel": ([DOUBLES, LONGS, FLOATS, "i32"], {"WIDTH": 64, "BLOCK": 16}),
    "attention._attention_kernel": (
        [*[FLOATS] * 6, *[LONGS] * 5, *[FLOATS] * 3, "i32", "fp32"],
        {"BIASED": True, "HEADS": 2, "DIM": 16, "NUMBERS": 5, "BLOCK": 32},
    ),
    "attention._join_kernel": (
        [*[FLOATS] * 3, LONGS, *[FLOATS] * 4, "fp32"],
        {"HEADS": 2, "DIM": 16, "BLOCK": 8},
    ),
    "features._features_kernel": (
        [FLOATS, BOOLS, LONGS, FLOATS, FLOATS, LONGS, "i32"],
        {"BLOCK": 128},
    ),
    "features._means_kernel": ([LONGS, LONGS, FLOATS, "i32"], {"BLOCK": 128}),
    "unet._mean_kernel": (
        [FLOATS, FLOATS, DOUBLES, LONGS, LONGS, FLOATS, "i32"],
        {"GATED": True, "SCALED": True, "WIDTH": 64, "BLOCK": 16},
    ),
    "unet._value_kernel": (
        [*[FLOATS] * 5, "i32", "i32"],
        {"FIRST": False, "WIDTH": 64, "BLOCK": 32},
    ),
    "unet._gate_kernel": (
        [*[FLOATS] * 3, "i32", FLOATS, FLOATS, "i32"],
        {"FIRST": False, "BLOCK": 32},
    ),
    "unet._normed_kernel": ([*[FLOATS] * 3, "i32", "i32"], {"WIDTH": 64, "BLOCK": 32}),
    "edge._pairs_kernel": (
        [LONGS, LONGS, *[FLOATS] * 6, "i32"],
        {"Z": 64, "WIDTH": 64, "BLOCK": 64},
    ),
    "edge._edge_kernel": (
        [FLOATS, LONGS, *[FLOATS] * 8, BOOLS, LONGS, FLOATS, DOUBLES, "i32"],
        {"NUMBERS": 4, "HIDDEN": 32, "WIDTH": 64, "BLOCK": 64},
    ),
    "distinct._insert_kernel": (
        [LONGS, LONGS, INTS, LONGS, "i32", "i32", "i64"],
        {"BLOCK": 256, "SPARE": 64},
    ),
    "graph._insert_kernel": (
        [*[LONGS] * 4, INTS, INTS, "i32", "i64", "i32", "i64", "i64"],
        {"PAIRS": True, "BLOCK": 256, "SPARE": 64},
    ),
    "graph._mark_kernel": ([INTS, INTS, INTS, "i32", "i32", "i32"], {"BLOCK": 1024}),
    "graph._scan_kernel": ([INTS, "i32"], {"BLOCK": 1024}),
    "graph._number_kernel": (
        [*[LONGS] * 4, INTS, INTS, INTS, LONGS, LONGS, FLOATS, LONGS, "i32", "i32", "i32"],
        {"BLOCK": 1024},
    ),
    "graph._pairs_kernel": ([INTS, INTS, *[LONGS] * 4, "i32", "i32"], {"BLOCK": 1024}),
    "rows._bounds_kernel": ([INTS, *[LONGS] * 3, "i32", "i32", "i32"], {"PART": 256, "BLOCK": 256}),
    "rows._fill_kernel": (
        [INTS, *[LONGS] * 11, "i32", "i32", "i32", "i32", "i32"],
        {"PART": 256, "BLOCK": 256},
    ),
    "octets._counts_kernel": ([*[LONGS] * 4, "i32", "i32"], {"BLOCK": 256}),
    "octets._octets_kernel": ([*[LONGS] * 3, FLOATS, "i32", "i32", "i32"], {"BLOCK": 256}),
    "octets._parts_kernel": (
        [FLOATS, *[LONGS] * 3, FLOATS, INTS, "i32", "fp32"],
        {"WIDTH": 8, "BLOCK": 32},
    ),
    "octets._sweep_kernel": (
        [*[FLOATS] * 3, LONGS, LONGS, FLOATS, INTS, "i32", "fp32"],
        {"WIDTH": 8, "BLOCK": 32},
    ),
}
LESS = (
    ("flow._scores_kernel", {"EXTRA": 0}),
    ("memory._hosts_kernel", {"PREFIXES": False}),
    ("memory._pairs_kernel", {"PREFIXES": False}),
    ("pairs._mixture_kernel", {"EMBEDDED": False}),
    ("graph._insert_kernel", {"PAIRS": False}),
    ("activity._count_kernel", {"PARTNERS": False}),
    ("activity._pairs_kernel", {"PARTNERS": False}),
)
"""Forms that a model without some of the parts has, or another use of the same kernel."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    return whole_models(tmp_path_factory.mktemp("whole"))


def test_kernels_under_the_interpreter() -> None:
    assert interpreted("cuda_kernels", ["kernels"]) == "the same\n"


def test_windows_under_the_interpreter(tiny_models: dict[str, Artifact], models: dict[str, Artifact]) -> None:
    folders = [artifact.path for artifact in (*tiny_models.values(), *models.values())]
    assert interpreted("cuda_kernels", folders) == "the same\n"


def test_windows_without_the_later_parts_under_the_interpreter(tmp_path: Path) -> None:
    folders = [artifact.path for artifact in whole_models(tmp_path, FEWER).values()]
    assert interpreted("cuda_kernels", folders) == "the same\n"


def test_launches_of_a_window(models: dict[str, Artifact]) -> None:
    # what a window of any size costs the host; models as shipped, and others with every part
    folders = {name: ROOT / "models" / name for name in ("default", "published")}
    assert load_artifact(folders["default"]).spec == models["default"].spec
    folders |= {name: models[name].path for name in ("graph", "enriched")}
    lines = interpreted("cuda_launches", [*folders.values()]).splitlines()
    for name, line in zip(folders, lines, strict=True):
        told = json.loads(line)
        assert 0 < told["kernels"] <= told["launches"] <= MOST_LAUNCHES[name], told
        assert not told["anew"]
        # what would wait for the device, beside the counts and whether averages have settled
        waits = {"aten::_local_scalar_dense", "aten::nonzero", "aten::_unique2"} & told["each"].keys()
        assert sum(told["each"][wait] for wait in waits) == (name == "published")
        # pairs by source, by destination, and both ways: each order is sorted once
        assert told["each"].get("aten::sort.stable", 0) == {"graph": 2, "published": 3}.get(name, 0)


def test_kernels_of_activity_under_the_interpreter() -> None:
    assert interpreted("cuda_activity", []) == "the same\n"


def interpreted(module: str, folders: Sequence[Path | str]) -> str:
    """What a module prints under the interpreter."""
    # a process of its own: triton decides when it is imported
    done = subprocess.run(
        [sys.executable, "-m", f"tests.executors.{module}", *map(str, folders)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def used(ptx: str, folder: Path) -> tuple[int, int]:
    """Registers of a thread, and bytes that found no place in them."""
    (folder / "kernel.ptx").write_text(ptx)
    # of the two assemblers that come with Triton the later one, which reads all that its compiler writes
    tools = sorted((Path(triton.__file__).parent / "backends/nvidia/bin").glob("ptxas*"))
    told = [
        subprocess.run(
            [tool, "-v", "--gpu-name=sm_90a", folder / "kernel.ptx", "-o", folder / "kernel.cubin"],
            capture_output=True,
            text=True,
            check=False,
        )
        for tool in tools
    ]
    text = next(done.stderr for done in told if done.returncode == 0)
    return int(re.findall(r"Used (\d+) registers", text)[0]), sum(
        map(int, re.findall(r"(\d+) bytes spill", text))
    )


def test_every_kernel_is_compiled_here() -> None:
    folder = ROOT / "morpheus_gae/executors/cuda/triton"
    found = {
        f"{path.stem}.{name}"
        for path in folder.glob("*.py")
        for name in re.findall(r"^def (_\w+_kernel)\(", path.read_text(encoding="utf-8"), re.M)
    }
    assert found == KERNELS.keys()


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled there")
@pytest.mark.parametrize(("name", "less"), [*((name, {}) for name in KERNELS), *LESS])
def test_kernels_compile(
    name: str, less: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    module, _, function = name.partition(".")
    kernel = getattr(importlib.import_module(f"morpheus_gae.executors.cuda.triton.{module}"), function)
    arguments, constants = KERNELS[name][0], KERNELS[name][1] | less
    names = kernel.arg_names
    assert len(names) == len(arguments) + len(constants)
    signature = dict(zip(names, arguments, strict=False)) | dict.fromkeys(constants, "constexpr")
    # as for tensors: whole ones begin at a multiple of 16 bytes
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, (parameter, kind) in enumerate(zip(kernel.params, arguments, strict=False))
        if kind.startswith("*") and not parameter.do_not_specialize
    }
    constant = {(names.index(key),): value for key, value in constants.items()}
    source = ASTSource(kernel, signature, constant, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": True})
    registers, spilled = used(made.asm["ptx"], tmp_path)
    assert not spilled
    assert registers <= MOST_REGISTERS
