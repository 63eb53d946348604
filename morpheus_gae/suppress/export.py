"""Export: converts benign feedback to the narrowest suppression rules."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.suppress.feedback import BENIGN, Told, latest
from morpheus_gae.suppress.read import MAX_REASON, parse_rules

HEAD = "# Written by  morpheus-gae feedback --export"
DAYS = 90
"""Default lifetime of a rule in days."""


def rules_text(told: Sequence[Told], until: date) -> str:
    """Create rules for everything whose last verdict is benign.

    Parameters
    ----------
    told
        Lines of a feedback file, in order; those without resolved flows give no rule.
    until
        Last day on which the rules apply.

    Returns
    -------
    str
        TOML for ``read.parse_rules``: one rule each, with its hosts and services.
    """
    benign = [one for one in latest(told) if one.verdict == BENIGN and one.placed]
    text = "\n".join([HEAD, "", *(_rule(one, until) for one in benign)])
    # the result is valid
    parse_rules(text.encode(), "the rules")
    return text


def write_rules(path: str, text: str) -> None:
    """Write a file of rules; a handwritten one is not overwritten.

    Raises
    ------
    UsageError
        If the file is handwritten.
    OutputError
        If it cannot be written.
    """
    try:
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                if file.read(len(HEAD)) != HEAD:
                    raise UsageError(f"{path} was not written by --export: give another name")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        # atomic: a reloading run sees either the old or the new rules
        os.replace(f"{path}.new", path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None


def _rule(one: Told, until: date) -> str:
    lines = ["[[suppress]]", f"name = {_quoted(f'feedback-{one.id}')}"]
    if one.sources is not None and one.targets is not None and len(one.sources) == len(one.targets) == 1:
        lines.append(f"pair = [{_quoted(one.sources[0])}, {_quoted(one.targets[0])}]")
    else:
        for key, hosts in (("source", one.sources), ("destination", one.targets)):
            if hosts is not None:
                lines.append(f"{key} = [{', '.join(map(_quoted, hosts))}]")
    services = [tuple(map(int, name.split("/"))) for name in one.services or ()]
    protocols, ports = (sorted({part[i] for part in services}) for i in (0, 1))
    if ports and ports[0] >= 0:
        lines.append(f"ports = [{', '.join(map(str, ports))}]")
    if protocols and protocols[0] >= 0:
        lines.append(f"protocol = [{', '.join(map(str, protocols))}]")
    said = printable(f"{one.who[:100]} said so of {one.id[:100]} on {one.when[:10]}")
    reason = f"{printable(one.note)[: MAX_REASON - len(said) - 2]}; {said}" if one.note else said
    return "\n".join([*lines, f"until = {until.isoformat()}", f"reason = {_quoted(reason)}", ""])


def _quoted(text: str) -> str:
    # JSON strings are TOML strings, except for escaped surrogates
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
