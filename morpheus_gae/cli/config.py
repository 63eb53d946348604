"""Config: options of commands from a TOML file, validated as a whole.

A table is a command, a key in it an option: ``[train] model = "models/mine"``, ``[run.pipeline-gae]``,
``[run.pipeline-gae.flag-anomalies]``. The file sets defaults: the environment and the command line take
precedence.
"""

from __future__ import annotations

import difflib
import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from morpheus_gae.errors import UsageError

OPTION = "--config"
MAX_BYTES = 1 << 20
# user and password in a URL
_SECRET = re.compile(r"[A-Za-z][\w+.-]*://[^/?#\s]*@")


def config_option(environment: bool = False) -> click.Option:
    """``--config FILE``; ``default_map`` reads it from the arguments before they are parsed.

    Parameters
    ----------
    environment
        Whether an environment variable can set it: only for the root command.
    """
    return click.Option(
        [OPTION],
        metavar="FILE",
        expose_value=False,
        allow_from_autoenv=environment,
        help="TOML file with options: a table a command, [train] or [run.pipeline-gae]. The command line and "
        "the environment come first.",
    )


def config_path(arguments: Sequence[str], prefix: str) -> str | None:
    """Return the file given by arguments or the environment (``PREFIX_CONFIG``), or None.

    Raises
    ------
    UsageError
        If the arguments give several.
    """
    found = []
    for i, word in enumerate(arguments):
        if word == "--":
            break
        if word == OPTION and i + 1 < len(arguments):
            found.append(arguments[i + 1])
        elif word.startswith(f"{OPTION}="):
            found.append(word.partition("=")[2])
    if len(found) > 1:
        raise UsageError(f"{OPTION} is given {len(found)} times: put everything into one file")
    return found[0] if found else os.environ.get(f"{prefix}_CONFIG") or None


def read_config(path: str) -> dict[str, Any]:
    """Read the tables of a file.

    Raises
    ------
    UsageError
        If it cannot be read, is over 1 MiB, or is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{OPTION} {path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{OPTION} {path}: more than {MAX_BYTES:,} bytes: this is no file of options")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{OPTION} {path}: is no text in UTF-8") from None
    except RecursionError:
        raise UsageError(f"{OPTION} {path}: is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{OPTION} {path}: is no TOML: {error}") from None


def default_map(path: str, command: click.Command, beside: str | None = None) -> dict[str, Any]:
    """Convert a file to click's default map: by parameter, and by subcommand.

    Parameters
    ----------
    path
        Of the file.
    command
        The command line as a whole.
    beside
        ``"module:attribute"`` of another command line: its commands may have tables in the file, too, which
        are checked and no more.

    Raises
    ------
    UsageError
        For the first key that is unknown, has a value of another type, or would hold a secret; its path is in
        the message, its value is not.
    """
    told: dict[str, Any] = {}
    tables = read_config(path)
    for name, table in tables.items():
        other = None
        if beside is not None and _below(command, name) is None:
            module, _, attribute = beside.partition(":")
            other = _below(getattr(importlib.import_module(module), attribute), name)
        if other is None:
            told[name] = table
        else:
            _Checked(path).command(other, table, name)
    return _Checked(path).command(command, told)


def refuse_idle(ctx: click.Context) -> None:
    """Refuse tables of stages where no stages are named: nobody would read them.

    Raises
    ------
    UsageError
        If there is one.
    """
    for name, told in (ctx.default_map or {}).items():
        if isinstance(told, dict):
            raise UsageError(
                f"{OPTION}: [run.pipeline-gae.{name}] is of a stage, and no stages are named: name them, or "
                "put its options into [run.pipeline-gae]"
            )


class _Checked:
    """Goes through a file's tables along the commands."""

    def __init__(self, path: str) -> None:
        self._where = f"{OPTION} {path}"

    def command(self, command: click.Command, table: Any, path: str = "") -> dict[str, Any]:
        """Defaults of a command and of those below it."""
        if not isinstance(table, dict):
            self._refuse(path, f"this is a command: its options belong below [{path}]")
        ctx = click.Context(command)
        options = _options(command)
        out: dict[str, Any] = {}
        for name, value in table.items():
            key = f"{path}.{name}" if path else name
            option = options.get(name.replace("-", "_"))
            below = _below(command, name)
            if option is not None:
                if option.name in out:
                    self._refuse(key, "the same option is told twice")
                out[str(option.name)] = self._value(option, value, key, ctx)
            elif below is None:
                self._refuse(key, _unknown(name, options, command))
            else:
                told = self.command(below, value, key)
                # on the command line it may be written either way
                out |= dict.fromkeys((name.replace("_", "-"), name.replace("-", "_")), told)
        return out

    def _value(self, option: click.Option, value: Any, key: str, ctx: click.Context) -> Any:
        if option.multiple and isinstance(value, list):
            return [self._one(option, v, f"{key}[{i}]", ctx) for i, v in enumerate(value)]
        one = self._one(option, value, key, ctx)
        return [one] if option.multiple else one

    def _one(self, option: click.Option, value: Any, key: str, ctx: click.Context) -> Any:
        wanted, fits = _kind(option)
        if not fits(value):
            wanted += " or a list of such" if option.multiple else ""
            self._refuse(key, f"takes {wanted}, not {_called(value)}")
        if isinstance(value, str) and "\0" in value:
            # a command line cannot hold it, and no path does
            self._refuse(key, "holds a NUL")
        if isinstance(value, str) and _SECRET.match(value):
            self._refuse(
                key, "holds a user or a password: they come by the environment or a file of their own"
            )
        # a rate is text ("0.1%"), or a number
        told = str(value) if isinstance(option.type, click.types.FuncParamType) else value
        # whether a path is there matters to the command that takes it, and to no other
        if not isinstance(option.type, click.Path):
            try:
                option.type.convert(told, option, ctx)
            except click.BadParameter as error:
                self._refuse(key, error.message)
        return told

    def _refuse(self, key: str, what: str) -> NoReturn:
        raise UsageError(f"{self._where}: {key}: {what}")


def _below(command: click.Command, name: str) -> click.Command | None:
    if not isinstance(command, click.Group):
        return None
    return command.get_command(click.Context(command), name.replace("_", "-"))


def _options(command: click.Command) -> dict[str, click.Option]:
    """Options of a command by each of their long names, underscored, without ``--config`` and ``--help``."""
    found = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and OPTION not in parameter.opts and not parameter.is_eager:
            for word in parameter.opts:
                if word.startswith("--"):
                    found[word[2:].replace("-", "_")] = parameter
    return found


def _kind(option: click.Option) -> tuple[str, Callable[[Any], bool]]:
    """What an option takes, in words and as a test."""
    if option.is_flag or isinstance(option.type, click.types.BoolParamType):
        return "true or false", lambda v: isinstance(v, bool)
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)
    if isinstance(option.type, click.types.FloatParamType):
        return "a number", lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)
    if isinstance(option.type, click.types.FuncParamType):
        return "text or a number", lambda v: isinstance(v, (str, int, float)) and not isinstance(v, bool)
    return "text", lambda v: isinstance(v, str)


def _called(value: Any) -> str:
    names: dict[type, str] = {bool: "true or false", str: "text", dict: "a table", list: "a list"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else "a date")


def _unknown(name: str, options: Mapping[str, click.Option], command: click.Command) -> str:
    kind, known = "option", list(options)
    if isinstance(command, click.Group):
        kind, known = "option or command", [*known, *command.list_commands(click.Context(command))]
    near = difflib.get_close_matches(name, known, 1)
    return f"there is no such {kind}" + (f"; is it {near[0]}?" if near else "")
