"""As much of a Dockerfile as the tests need: stages, and in each its instructions."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

WORD = re.compile(r"\$\{(\w+)\}")


@dataclass
class Instruction:
    """One instruction: ``COPY --from=build /a /b`` has the flag from=build and the words /a, /b."""

    name: str
    text: str
    flags: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The words after the flags; those of the JSON form as they are."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)

    def flag(self, name: str) -> str | None:
        """Value of a flag, None without it."""
        return next((f.split("=", 1)[1] for f in self.flags if f.startswith(f"{name}=")), None)


@dataclass
class Stage:
    """One stage; ``image`` has the default values of build arguments filled in."""

    name: str
    image: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """Instructions of one kind, in order."""
        return [i for i in self.instructions if i.name == name]

    @property
    def env(self) -> dict[str, str]:
        """What ENV sets."""
        return dict(word.split("=", 1) for i in self.all("ENV") for word in i.words)


def parse(path: Path) -> list[Stage]:
    """Stages of a Dockerfile, in order."""
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        name, _, text = line.partition(" ")
        text = text.strip()
        flags = []
        while text.startswith("--"):
            flag, _, text = text.partition(" ")
            flags.append(flag.removeprefix("--"))
            text = text.strip()
        if name == "ARG" and not stages:
            key, _, value = text.partition("=")
            arguments[key] = value
        elif name == "FROM":
            image, _, stage = WORD.sub(lambda found: arguments[found[1]], text).partition(" AS ")
            stages.append(Stage(stage, image))
        else:
            stages[-1].instructions.append(Instruction(name, text, flags))
    return stages
