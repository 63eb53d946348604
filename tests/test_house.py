"""The rules of this house, as tests: rooms, heavy imports, docstrings, dangerous calls, sizes, paths."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "morpheus_gae"
MODULES = sorted(PACKAGE.rglob("*.py"))
PYTHON = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "pipelines").rglob("*.py"))]

# data goes one way: a room imports itself and the rooms before it
ROOMS = (
    "errors",
    "flows",
    "graph",
    "model",
    "executors",
    "detect",
    "incidents",
    "sinks",
    "suppress",
    "kafka",
    "engine",
    "stages",
    "cli",
)
# these stand beside: they may import the rooms before engine; only cli imports them
BESIDE = ("api", "benchmark", "evaluate", "inspect", "ray", "report", "simulate", "spark", "testing", "train")
# of one another: a study and a detector train models, engines of others run detectors
AMONG_THEM = {
    ("evaluate", "train"),
    ("api", "train"),
    ("spark", "api"),
    ("ray", "api"),
    ("report", "evaluate"),
    ("report", "inspect"),
}

# where a library may be imported when the module is; inside functions is another matter
OWNERS = {
    "torch": r"model/gae\.py|executors/(cuda|torch)/.*|train/.*|benchmark/published\.py"
    r"|evaluate/baselines/(sage|anomal_e|graph_ids|published_recipe|dense)\.py",
    "sklearn": r"evaluate/.*|train/.*",
    "matplotlib": r"(benchmark|evaluate)/plots\.py|evaluate/studies/suite_plots\.py",
    "numba": r"(flows|graph|executors|simulate|train|evaluate)/.*|detect/.*_kernels\.py",
    "pyarrow": r"(api|flows|graph|incidents|sinks|kafka|inspect|report|simulate|spark|ray|train|evaluate)/.*"
    r"|benchmark/.*|detect/(alert_fields|cef|ecs|eve|ocsf)\.py",
    "prometheus_client": r"(?!)",
    "opentelemetry": r"(?!)",
    "confluent_kafka": r"(?!)",
    "nfstream": r"(?!)",
    "urllib3": r"(?!)",
    "triton": r"executors/.*",
    **dict.fromkeys(("cudf", "cupy", "morpheus", "mrc"), r"stages/.*"),
    **dict.fromkeys(("pandas", "polars", "pyspark", "ray"), r"(?!)"),
}
# not even inside functions
EVERYWHERE = {"matplotlib": OWNERS["matplotlib"], "pandas": r"(?!)", "polars": r"(?!)"}
UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
HEAVY = (
    *("confluent_kafka", "cudf", "cupy", "matplotlib", "nfstream", "numba", "pandas", "polars", "pyarrow"),
    *("pyspark", "ray", "scipy", "sklearn", "torch", "triton"),
    *("opentelemetry", "prometheus_client", "urllib3"),
)
LIGHT = ["morpheus_gae", *(f"morpheus_gae.cli.{p.stem}" for p in (PACKAGE / "cli").glob("[!_]*.py"))]
MAX_LINES = 400


def here(path: Path) -> str:
    """Path as shown in test names and messages."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=here(path))


def room_of(module: str) -> str:
    """``morpheus_gae.flows.frame`` is in the room ``flows``; the package itself is in the room ````."""
    return module.partition(".")[2].partition(".")[0]


def imported(node: ast.AST, package: str) -> list[str]:
    """Dotted names an import statement brings in; nothing for other nodes."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        parents = package.split(".")
        base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
    # "from morpheus_gae import flows" names a room in the list, "from morpheus_gae.flows import x" before it
    return [f"{base}.{alias.name}" for alias in node.names]


def imports(path: Path) -> list[str]:
    """Every import of a file, wherever it stands."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return [name for node in ast.walk(tree(path)) for name in imported(node, package)]


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported: not in functions, not under TYPE_CHECKING."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from at_import(node.orelse)
            continue
        yield node
        for name in ("body", "orelse", "finalbody"):
            yield from at_import(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield from at_import(handler.body)


def may_import(room: str, other: str) -> bool:
    """Whether a module in one room may import from another; ```` is the package's own ``__init__``."""
    if other in ("", "errors") or other == room:
        return True
    # names that users import
    if (room, other) == ("", "api"):
        return True
    if room in BESIDE:
        if (room, other) in AMONG_THEM:
            return True
        # what is measured includes the engine
        if (room, other) == ("benchmark", "engine"):
            return True
        return other in ROOMS[: ROOMS.index("engine")]
    if other in BESIDE:
        return room == "cli"
    return room in ROOMS and other in ROOMS[: ROOMS.index(room)]


def project_files() -> list[Path]:
    """Files that are, or are about to be, in the repository."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        out = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in out.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("path", MODULES, ids=here)
def test_docstrings(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module), "a module says what it holds"
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [n for n in module.body if isinstance(n, definitions) and not n.name.startswith("_")]
    assert [n.name for n in public if not ast.get_docstring(n)] == []


@pytest.mark.parametrize("path", PYTHON, ids=here)
def test_exported_names_are_sorted(path: Path) -> None:
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
            # constants, classes, functions: the order ruff keeps
            assert list(names) == sorted(names, key=lambda n: (not n.isupper(), not n[0].isupper(), n))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=here)
def test_init_holds_names_only(path: Path) -> None:
    names = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    # what only checkers of types read is no code
    assert all(isinstance(node, names) for node in at_import(tree(path).body))


@pytest.mark.parametrize("room", sorted({p.relative_to(PACKAGE).parts[0] for p in MODULES}))
def test_every_room_is_known(room: str) -> None:
    assert room == "__init__.py" or room.removesuffix(".py") in (*ROOMS, *BESIDE, "stages", "testing")


@pytest.mark.parametrize("path", MODULES, ids=here)
def test_no_room_reaches_back(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    room = "" if room == "__init__" else room
    ours = [name for name in imports(path) if name.split(".")[0] == "morpheus_gae"]
    others = {name: room_of(name) for name in ours}
    # names of the package's own __init__ are no rooms
    others = {n: o for n, o in others.items() if o in (*ROOMS, *BESIDE)}
    assert [name for name, other in others.items() if not may_import(room, other)] == []


@pytest.mark.parametrize(
    ("room", "other", "expected"),
    [
        ("graph", "flows", True),
        ("flows", "graph", False),
        ("engine", "sinks", True),
        ("sinks", "engine", False),
        ("train", "sinks", True),
        ("train", "engine", False),
        ("train", "evaluate", False),
        ("engine", "simulate", False),
        ("cli", "evaluate", True),
        ("evaluate", "cli", False),
        ("benchmark", "engine", True),
        ("engine", "benchmark", False),
        ("", "errors", True),
        ("", "flows", False),
        ("", "api", True),
        ("api", "train", True),
        ("api", "engine", False),
        ("engine", "api", False),
        ("spark", "api", True),
        ("api", "spark", False),
    ],
)
def test_who_may_import_whom(room: str, other: str, expected: bool) -> None:
    assert may_import(room, other) is expected


@pytest.mark.parametrize("path", MODULES, ids=here)
def test_heavy_libraries_stay_with_their_owners(path: Path) -> None:
    inside = path.relative_to(PACKAGE).as_posix()
    package = ".".join(path.relative_to(ROOT).parent.parts)
    early = {name.split(".")[0] for node in at_import(tree(path).body) for name in imported(node, package)}
    assert [n for n in sorted(early & OWNERS.keys()) if not re.fullmatch(OWNERS[n], inside)] == []
    ever = {name.split(".")[0] for name in imports(path)}
    assert [n for n in sorted(ever & EVERYWHERE.keys()) if not re.fullmatch(EVERYWHERE[n], inside)] == []


@pytest.mark.parametrize("path", PYTHON, ids=here)
def test_nothing_dangerous(path: Path) -> None:
    assert sorted({name.split(".")[0] for name in imports(path)} & UNSAFE_MODULES) == []
    found = []
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if (
            name in ("eval", "exec", "yaml.load")
            or (name == "torch.load" and told.get("weights_only") != "True")
            or (name.endswith(".load") and told.get("allow_pickle", "False") != "False")
            or told.get("shell", "False") != "False"
        ):
            found.append(f"line {node.lineno}: {name}")
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=here)
def test_tests_never_sleep(path: Path) -> None:
    calls = [ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
    assert "time.sleep" not in calls
    assert "time.sleep" not in imports(path)


@pytest.mark.parametrize("path", PYTHON, ids=here)
def test_files_are_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: one idea a file"


def test_no_marks_of_a_merge() -> None:
    """Half of a conflict in a page or a file is told by no other check."""
    marks = re.compile(rb"^(<{7} |>{7} |\|{7} )", re.MULTILINE)
    assert [here(path) for path in project_files() if marks.search(path.read_bytes())] == []


def test_no_paths_of_a_machine() -> None:
    machine = re.compile(r"(?<![\w.-])/(?:work|root|home|Users|tmp/contract)/\w")
    found = []
    for path in project_files():
        raw = path.read_bytes()
        if b"\0" in raw:
            continue
        lines = raw.decode("utf-8", errors="replace").splitlines()
        found += [f"{here(path)}:{i}: {s.strip()[:80]}" for i, s in enumerate(lines, 1) if machine.search(s)]
    assert found == []


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
