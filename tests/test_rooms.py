"""Rooms inside the big rooms: who may import whom, and no circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "morpheus_gae"
# what a room may import of its own big room, beside the files that lie in the big room itself
FLOWS = {
    "bytes": "",
    "addresses": "bytes",
    "tables": "bytes",
    "files": "",
    "exporters.presets": "",
    "exporters.values": "tables",
    "exporters": "addresses tables exporters.presets exporters.values",
    "text": "bytes tables files exporters exporters.presets",
    "packets": "files exporters exporters.presets",
    "readers": "addresses bytes tables files exporters exporters.presets exporters.values text packets",
    "pairing": "tables exporters",
    "payloads": "addresses tables files exporters exporters.presets text readers",
}
EXECUTORS = {"cpu": "", "torch": "", "cuda": "cuda.triton", "cuda.triton": "cuda"}
EVALUATE = {"baselines": "", "data": "", "studies": "baselines data"}
SIMULATE = {"network": "", "traffic": "network", "output": ""}
ENGINE = {"observe": "", "recover": "observe", "run": "observe recover"}
BIG = {"flows": FLOWS, "executors": EXECUTORS, "evaluate": EVALUATE, "simulate": SIMULATE, "engine": ENGINE}
MAY = {
    f"{big}.{room}": {f"{big}.{other}" for other in others.split()}
    for big, rooms in BIG.items()
    for room, others in rooms.items()
}


def module_of(path: Path) -> str:
    """``flows/frame.py`` is ``flows.frame``, ``flows/__init__.py`` is ``flows``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def at_work(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, but for what type checkers alone read."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from at_work(child)


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports, wherever in it."""
    out = set()
    for node in at_work(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n if n.removeprefix("morpheus_gae.") in FILES else node.module for n in whole]
        else:
            continue
        out |= {n.removeprefix("morpheus_gae.") for n in names if n.startswith("morpheus_gae.")}
    return out & FILES.keys()


GRAPH = {name: imports(path) - {name} for name, path in FILES.items()}


def test_no_circles() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(f"imports go round: {error.args[1]}")


def test_every_room_is_in_the_list() -> None:
    rooms = {
        module_of(path)
        for big in BIG
        for path in (PACKAGE / big).rglob("__init__.py")
        if path.parent != PACKAGE / big
    }
    assert rooms == MAY.keys()


@pytest.mark.parametrize("room", MAY)
def test_rooms_import_what_they_may(room: str) -> None:
    big = room.partition(".")[0]
    wrong = [
        f"{name} -> {other}"
        for name, others in GRAPH.items()
        if name == room or name.rpartition(".")[0] == room
        for other in sorted(others)
        if other.startswith(f"{big}.")
        and (home := other if other in MAY else other.rpartition(".")[0]) not in (big, room)
        and home not in MAY[room]
    ]
    assert wrong == []


@pytest.mark.parametrize("room", MAY)
def test_rooms_say_what_they_are_for(room: str) -> None:
    told = ast.get_docstring(ast.parse(FILES[room].read_text(encoding="utf-8")))
    assert told is not None
    assert "mports" in told, "what may be imported there"
