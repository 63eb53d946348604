"""Kernels that may reorder sums are part of their callers: compiling and loading give the same bits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import morpheus_gae.executors.cpu

FILES = sorted(Path(morpheus_gae.executors.cpu.__path__[0]).glob("*.py"))
FIXED = {"dense"}
"""Its sums are written out in their order."""


def kernels(path: Path) -> dict[str, tuple[ast.FunctionDef, dict[str, str]]]:
    """Compiled functions of a file and what their decorator says."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for told in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(told, ast.Call) and ast.unparse(told.func) == "njit":
                assert isinstance(node, ast.FunctionDef)
                found[node.name] = node, {str(k.arg): ast.unparse(k.value) for k in told.keywords}
    return found


EVERY = {name: kernel for path in FILES for name, kernel in kernels(path).items()}
CALLED = {
    ast.unparse(call.func).rpartition(".")[2]
    for node, _ in EVERY.values()
    for call in ast.walk(node)
    if isinstance(call, ast.Call)
}


def test_there_are_such_kernels() -> None:
    assert {"_shares", "_block", "map_tail", "log_fast", "softmax"} <= CALLED & EVERY.keys()


@pytest.mark.parametrize("name", sorted(CALLED & EVERY.keys() - FIXED))
def test_loose_kernels_that_others_call_are_inlined(name: str) -> None:
    told = EVERY[name][1]
    assert "fastmath" not in told or told.get("forceinline") == "True"
