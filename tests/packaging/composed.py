"""As much of Docker Compose as the tests need: variables filled in, several files laid over each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")
RESET = object()


yaml.SafeLoader.add_constructor("!reset", lambda _loader, _node: RESET)


class MissingVariableError(Exception):
    """A variable without a default is not set."""


def variables(path: Path) -> set[str]:
    """Names of the variables in a file."""
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    return {found[1] for found in VARIABLE.finditer("\n".join(lines)) if found[1]}


def environment(path: Path) -> dict[str, str]:
    """Variables of an env file; a comment begins after a blank."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name] = re.sub(r"\s+#.*", "", value).strip()
    return found


def filled(value: Any, env: dict[str, str]) -> Any:
    """The value with every variable replaced, as Compose does it."""

    def one(found: re.Match[str]) -> str:
        name, mark, text = found.groups()
        if name is None:
            return "$"
        told = env.get(name, "")
        if told or not mark:
            return told
        if mark == "?":
            raise MissingVariableError(text)
        return text

    if isinstance(value, str):
        return VARIABLE.sub(one, value)
    if isinstance(value, list):
        return [filled(v, env) for v in value]
    if isinstance(value, dict):
        return {k: filled(v, env) for k, v in value.items()}
    return value


def target(mount: str) -> str:
    return mount.split(":")[1]


def laid_over(below: Any, above: Any, key: str = "") -> Any:
    """What one file says with another over it."""
    if isinstance(below, dict) and isinstance(above, dict):
        merged = {k: laid_over(below[k], v, k) if k in below else v for k, v in above.items()}
        return {k: v for k, v in {**below, **merged}.items() if v is not RESET}
    if key == "volumes" and isinstance(below, list):
        return list({target(m): m for m in (*below, *above)}.values())
    if key in ("ports", "secrets", "tmpfs") and isinstance(below, list):
        return [*below, *(v for v in above if v not in below)]
    return above


def composed(files: list[Path], env: dict[str, str]) -> dict[str, Any]:
    """The project of some files, filled in and laid over each other."""
    project: dict[str, Any] = {}
    for path in files:
        told = filled(yaml.safe_load(path.read_text(encoding="utf-8")), env)
        project = laid_over(project, told)
    return {k: v for k, v in project.items() if not k.startswith("x-")}
