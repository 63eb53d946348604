"""Command and Group: base classes of all commands, and common options.

Options are written with underscores and accepted with dashes as well; expected errors become one line on
stderr and an exit code, never a traceback.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from morpheus_gae.cli.config import config_option, config_path, default_map
from morpheus_gae.cli.sections import Sections
from morpheus_gae.engine.observe.logs import Line, is_json, say
from morpheus_gae.errors import GaeError, UsageError
from morpheus_gae.flows.compiled import keep_kernels
from morpheus_gae.flows.exporters.presets.names import NAMES, spelled
from morpheus_gae.flows.tables.printable import printable

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_SIGNAL = 128
"""Added to the number of a signal: 130 for Ctrl-C, 143 for SIGTERM."""
EXIT_INTERRUPTED = 130

PositiveInt = click.IntRange(min=1)


def underscores(token: str) -> str:
    """Normalise an option name: ``graph-size`` and ``graph_size`` are the same option."""
    return token.replace("-", "_")


def _context_settings(given: Mapping[str, Any] | None) -> dict[str, Any]:
    common: dict[str, Any] = {
        "token_normalize_func": underscores,
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
    }
    return {**common, **(given or {})}


class Failure(click.ClickException):
    """An expected error for the terminal."""

    exit_code = EXIT_FAILED

    def format_message(self) -> str:
        """Format as one line."""
        return printable(super().format_message())

    def show(self, file: Any = None) -> None:
        """Print it, as JSON if logs are."""
        if is_json():
            say(Line(f"Error: {self.format_message()}", "error", exit_code=self.exit_code))
        else:
            super().show(file)


class Misuse(Failure):
    """A wrong option, for the terminal."""

    exit_code = EXIT_USAGE


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn expected errors into one line on stderr and an exit code.

    Raises
    ------
    Failure
        For a ``GaeError`` (exit 1; ``UsageError`` exit 2) and for an ``OSError`` (exit 1).
    click.exceptions.Exit
        With 130 for Ctrl-C.
    """
    try:
        yield
    except click.UsageError as error:
        vars(error)["message"] = printable(error.message, lines=True)
        raise
    except UsageError as error:
        raise Misuse(str(error)) from error
    except GaeError as error:
        _give_up_output()
        raise Failure(str(error)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        _give_up_output()
        told = error.strerror or str(error)
        raise Failure(told if error.filename is None else f"{error.filename}: {told}") from error
    except KeyboardInterrupt:
        say("Aborted!")
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None


def _give_up_output() -> None:
    """Drop what stdout holds and cannot write: the interpreter would fail at its end."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flush() -> None:
    # None where a service has closed it
    if sys.stdout is not None:
        sys.stdout.flush()


def echo(text: str, err: bool = False) -> None:
    """Print lines with terminal control characters escaped.

    Parameters
    ----------
    text
        Formatted lines, which may contain untrusted text.
    err
        Print to stderr instead of stdout.
    """
    click.echo(printable(text, lines=True), err=err)


class Command(Sections):
    """A click command of this project; use as ``@click.command(cls=Command)``."""

    configured = True
    """Whether it has ``--config``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = _context_settings(kwargs.get("context_settings"))
        super().__init__(*args, **kwargs)
        if self.configured:
            self.params.append(config_option())

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse arguments; errors become one line."""
        with clear_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the callback; expected errors become one line."""
        with clear_errors():
            done = super().invoke(ctx)
            _flush()
            return done


class StageCommand(Command):
    """A stage of a pipeline, which may be followed by further stages."""

    configured = False


class Group(Sections, click.Group):
    """A click group of this project; use as ``@click.group(cls=Group)``.

    Parameters
    ----------
    lazy
        Subcommands imported on use: name -> ``"module:attribute"``. Names whose module does not exist are
        left out.
    """

    command_class = Command

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        kwargs["context_settings"] = _context_settings(kwargs.get("context_settings"))
        super().__init__(*args, **kwargs)
        self.lazy: dict[str, str] = dict(lazy or {})
        self.params.append(config_option())

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse arguments; errors become one line."""
        with clear_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the group, its subcommands and its result callback; expected errors become one line."""
        with clear_errors():
            done = super().invoke(ctx)
            _flush()
            return done

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands: defined ones in order, then the lazy ones."""
        return [*self.commands, *(name for name in self.lazy if name not in self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a subcommand; underscores count as dashes."""
        for name in (cmd_name, cmd_name.replace("_", "-")):
            found = super().get_command(ctx, name)
            if found is not None:
                return found
            if name in self.lazy:
                return _load(self.lazy[name])
        return None


Group.group_class = Group


class Root(Group):
    """Root of a command line: reads ``--config`` before parsing.

    Parameters
    ----------
    beside
        ``"module:attribute"`` of the other command line, whose commands may have tables in the same file.
    """

    def __init__(self, *args: Any, beside: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.beside = beside
        self.params[-1] = config_option(environment=True)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse arguments with defaults from the file."""
        keep_kernels()
        with clear_errors():
            extra = configured(
                self, args, str(self.context_settings["auto_envvar_prefix"]), self.beside, extra
            )
        return super().make_context(info_name, args, parent, **extra)


def configured(
    command: click.Command, args: Sequence[str], prefix: str, beside: str, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return context settings, with the defaults of a config file if given.

    Raises
    ------
    UsageError
        If the file is invalid, see ``config.default_map``.
    """
    path = config_path(args, prefix)
    return {**extra} if path is None else {**extra, "default_map": default_map(path, command, beside)}


def _load(target: str) -> click.Command | None:
    module_name, _, attribute = target.partition(":")
    if importlib.util.find_spec(module_name) is None:
        return None
    command: click.Command = getattr(importlib.import_module(module_name), attribute)
    return command


def rate(text: str) -> float:
    """A fraction in (0, 1], written as ``0.001`` or ``0.1%``; use as ``click.option(..., type=rate)``.

    Raises
    ------
    click.BadParameter
        If the text is neither.
    """
    number = str(text).strip()
    try:
        value = float(number[:-1]) / 100.0 if number.endswith("%") else float(number)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a rate: write a fraction (0.001) or a percentage (0.1%)"
        ) from None
    if not 0.0 < value <= 1.0:
        raise click.BadParameter(f"{text!r} is not a rate: it must be above 0 and at most 1 (100%)")
    return value


def a_day(text: str) -> float:
    """A number per day, above 0, written as ``5`` or ``5/day``; use as ``click.option(..., type=a_day)``.

    Raises
    ------
    click.BadParameter
        If the text is neither.
    """
    number = re.sub(r"\s*/\s*d(ay)?$", "", str(text).strip())
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise click.BadParameter(f"{text!r} is not a number a day: write one above 0, as 5 or 5/day")
    return value


def executor_name(text: str) -> str:
    """Validate the name of an executor; a GPU may be given by its number.

    Raises
    ------
    click.BadParameter
        If there is no such executor.
    """
    if not re.fullmatch(r"cpu|torch|cuda(:\d{1,3})?", text):
        raise click.BadParameter(
            f"{text!r} is not an executor: choose cpu, cuda, cuda:1 (another GPU) or torch"
        )
    return text


def preset_name(text: str) -> str:
    """Normalise the name of a preset, regardless of dashes, underscores and case.

    Raises
    ------
    click.BadParameter
        If there is no such preset.
    """
    name = spelled(text)
    if name not in NAMES:
        raise click.BadParameter(f"{text!r} is not one of {', '.join(map(repr, NAMES))}.")
    return name


def _in_a_folder(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse an output file whose folder does not exist, before the work."""
    if value is not None and not Path(value).absolute().parent.is_dir():
        raise click.BadParameter(f"{value}: its folder does not exist")
    return value


def json_option(*names: str, text: str = "Write the figures to FILE as JSON.") -> Callable[[Any], Any]:
    """``--json FILE`` for commands that print figures, as ``json_file``; ``names`` are further spellings."""
    return click.option(
        *names,
        "--json",
        "json_file",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        callback=_in_a_folder,
        help=text,
    )


def map_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--map`` and ``--columns``, for commands that read flows; see ``flows.exporters.mapping.read_map``."""
    command = click.option(
        "--columns",
        metavar="A,B,...",
        help="Names of all columns of files without a header, in order; _ leaves one out.",
    )(command)
    return click.option(
        "--map",
        metavar="OUR=THEIRS[:UNIT]",
        multiple=True,
        help="Which column is which of ours, as IN_BYTES=sent:KiB; repeatable.",
    )(command)
