"""Sections: help pages with options in groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

COMMON = "Options"
"""Section of options without one."""


def section(title: str) -> Callable[[Any], Any]:
    """Put the decorated options into a section of the help page.

    Parameters
    ----------
    title
        Title; options that already have a section keep it.
    """

    def mark(command: Any) -> Any:
        _mark(_declared(command), title)
        return command

    return mark


def grouped(title: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Decorate a command with options in one section.

    Parameters
    ----------
    title
        Title.
    options
        ``click.option(...)`` and the like, in the order of the help page.
    """

    def declare(command: Any) -> Any:
        before = len(_declared(command))
        for option in reversed(options):
            command = option(command)
        _mark(_declared(command)[before:], title)
        return command

    return declare


def _declared(command: Any) -> list[click.Parameter]:
    if isinstance(command, click.Command):
        return command.params
    return list(getattr(command, "__click_params__", ()))


def _mark(parameters: list[click.Parameter], title: str) -> None:
    for parameter in parameters:
        vars(parameter).setdefault("section", title)


class Sections(click.Command):
    """A command, or group, whose help page shows options by section, in order of declaration."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, those in none last; then the commands of a group."""
        found: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            # newer versions of click have help records of arguments, and a section of their own
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                found.setdefault(vars(parameter).get("section", COMMON), []).append(record)
        for title in sorted(found, key=lambda t: t == COMMON):
            with formatter.section(title):
                formatter.write_dl(found[title])
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
