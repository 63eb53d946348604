"""Commands of pages: found in their blocks, taken apart as by a shell, parsed by the real command lines."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from morpheus_gae.cli import gae, morpheus

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docker/README.md")),
]
MAINS: dict[str, click.Group] = {"morpheus": morpheus.main, "morpheus-gae": gae.main}
OTHERS = {
    "pip": "installs from the network",
    "pytest": "the suite itself",
    "python3": "makes an environment",
    ".": "changes the shell",
    "source": "changes the shell",
    "eval": "changes the shell",
    "docker": "needs an engine: tests/images",
    "docker/pin.sh": "asks a registry: tests/packaging/test_pin.py",
    "kafka-topics.sh": "needs a broker, which tests make topics in by its own calls",
    "kubectl": "needs a cluster: tests/packaging/test_kubernetes.py",
    "git": "changes the checkout",
    "apt-get": "installs from the network",
    "tail": "waits for ever",
    "zcat": "reads a file of the reader's",
    "rsync": "copies a folder of the reader's",
    "kill": "signals a process of the reader's",
    "echo": "writes a setting of the reader's",
    "make": "its target is looked up",
    "python": "its module is looked up",
}
"""Programs that no test runs from a page, and why."""
_WORD = re.compile(r"(?:\w+=\S* )*(?:sudo )?(\S+)")


@dataclass(frozen=True)
class Line:
    """One command line of a page."""

    page: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """Its commands, apart from what joins them, without variables and redirections."""
        lexer = shlex.shlex(self.text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        found: list[list[str]] = [[]]
        skip = False
        for word in lexer:
            if set(word) <= set("|&;()"):
                found.append([])
            elif set(word) <= set("<>"):
                skip = True
            elif skip:
                skip = False
            elif word != "..." and (found[-1] or not re.match(r"\w+=|sudo$", word)):
                found[-1].append(word)
        return [words for words in found if words]


def is_command(line: str) -> bool:
    """Whether a line begins with a program that pages use."""
    word = _WORD.match(line.removeprefix("$ "))
    return word is not None and word[1] in (*MAINS, *OTHERS)


def blocks(text: str) -> list[list[str]]:
    """Indented and fenced blocks, those of a language that is no shell's left out."""
    found: list[list[str]] = []
    fence, kept, inside, before = False, False, False, ""
    for line in text.splitlines():
        if line.startswith("```"):
            fence = not fence
            kept = fence and line[3:].strip() in ("", "bash", "sh", "console")
            if kept:
                found.append([])
        elif fence:
            if kept:
                found[-1].append(line)
        elif line.startswith("    ") and (inside or not before.strip()):
            if not inside:
                found.append([])
            inside = True
            found[-1].append(line[4:])
        else:
            inside = False
        before = line
    return found


def lines_of(page: Path) -> list[Line]:
    """Command lines of a page: those of every block that begins with one."""
    found = []
    for block in blocks(page.read_text(encoding="utf-8")):
        joined = re.sub(r"\\\n\s*", "", "\n".join(block)).splitlines()
        joined = [line for line in joined if line.strip() and not line.startswith("#")]
        if not joined or not is_command(joined[0]):
            continue
        if joined[0].startswith("$ "):
            joined = [line.removeprefix("$ ") for line in joined if line.startswith("$ ")]
        # what stands behind a wide gap, or a sharp, is told to the reader
        told = [re.sub(r"(\s{3,}|\s+#\s).*", "", line) for line in joined]
        found += [Line(page.relative_to(ROOT).as_posix(), line.strip()) for line in told]
    return found


EVERY = [line for page in PAGES for line in lines_of(page)]


def parse(words: list[str], whole: bool = True) -> None:
    """Parse a command, and do not run it.

    Raises
    ------
    click.UsageError
        If it is none; a required option may be missing unless it is told as a whole.
    """
    command: click.Command = MAINS[words[0]]
    name, rest, ctx = words[0], words[1:], None
    while True:
        try:
            chained = ctx is not None and isinstance(ctx.command, click.Group) and ctx.command.chain
            settings = {"allow_extra_args": True, "allow_interspersed_args": False} if chained else {}
            inner = command.make_context(name, list(rest), parent=ctx, **settings)
        except (click.exceptions.NoArgsIsHelpError, click.exceptions.Exit):
            return
        except click.MissingParameter:
            if whole:
                raise
            return
        rest = [*vars(inner).get("_protected_args", vars(inner).get("protected_args", ())), *inner.args]
        if isinstance(command, click.Group):
            ctx = inner
        if not rest or ctx is None:
            return
        name, *rest = rest
        group = ctx.command
        assert isinstance(group, click.Group)
        found = group.get_command(ctx, name)
        if found is None:
            raise click.UsageError(f"there is no command {name}")
        command = found
