"""``morpheus-gae feedback``: what an analyst knows of an alert or an incident, on record."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from morpheus_gae.cli.options import Command, echo
from morpheus_gae.cli.sections import section
from morpheus_gae.errors import UsageError

FILE = "feedback.jsonl"
LIST = "list"
VERDICTS = ("benign", "attack")
MAX_NOTE, MAX_WHO, MAX_SHOWN = 800, 100, 64


@click.command(cls=Command)
@click.argument("id", required=False)
@click.argument("verdict", required=False, metavar="[benign|attack]")
@section("Feedback")
@click.option("--note", default="", help="Why, in a few words.")
@click.option("--who", help="Who says so; by default who is logged in.")
@click.option(
    "--alerts",
    multiple=True,
    metavar="FILE",
    help="Alerts of encoding plain: look ID up there, or among the incidents that they come to; repeatable.",
)
@click.option(
    "--incidents",
    multiple=True,
    metavar="FILE",
    help="Incidents (morpheus-gae incidents --output FILE): look ID up there; repeatable.",
)
@click.option(
    "--file", "path", default=FILE, show_default=True, metavar="FILE", help="Gets a line; is only added to."
)
@section("Export")
@click.option(
    "--export",
    metavar="FILE",
    help="Write what is benign as rules for --suppress (TOML; - is stdout), the narrowest that hold it back.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="So long the exported rules count.",
)
def command(
    id: str | None,
    verdict: str | None,
    note: str,
    who: str | None,
    alerts: tuple[str, ...],
    incidents: tuple[str, ...],
    path: str,
    export: str | None,
    days: int,
) -> None:
    """Say that an alert or an incident is benign, or an attack.

    ID is what alerts have as id in the encodings ecs, ocsf and eve, and incidents everywhere: 16 hex digits.
    Nobody checks that there is such a one without --alerts or --incidents. The last word on it counts. What
    was said is used by --export and by  train --feedback: it decides which flows are learnt from, and is a
    label to no threshold and to no weight.

    Example:  morpheus-gae feedback 3f2a9c0d11e47b65 benign --note "backup" --alerts alerts.jsonl

    Example:  morpheus-gae feedback --export rules.toml
    """
    from morpheus_gae.suppress import feedback

    if export is not None:
        if id is not None:
            raise UsageError("--export writes what was said so far: say the rest in a command of its own")
        _export(path, export, days)
    elif id == LIST and verdict is None:
        told = feedback.read_feedback(path)
        echo(feedback.lines(told) if told else f"{path} holds no feedback")
    elif id is None or verdict is None:
        raise UsageError("say of what, and what it is: morpheus-gae feedback ID benign (or attack)")
    elif verdict not in VERDICTS:
        raise UsageError(f"{verdict!r} is no verdict: it is one of {', '.join(VERDICTS)}")
    else:
        _say(id, verdict, note, who, alerts, incidents, path)


def _say(
    id: str,
    verdict: str,
    note: str,
    who: str | None,
    alerts: tuple[str, ...],
    incidents: tuple[str, ...],
    path: str,
) -> None:
    from morpheus_gae.errors import InputError
    from morpheus_gae.incidents.kept import is_id
    from morpheus_gae.suppress import feedback
    from morpheus_gae.suppress.find import in_alerts, in_incidents

    note, who = " ".join(note.split()), " ".join((_login() if who is None else who).split())
    for name, text, most in (("--note", note, MAX_NOTE), ("--who", who, MAX_WHO)):
        if len(text) > most:
            raise UsageError(f"{name} has more than {most} characters")
    told_id, id = id, id.strip().lower()
    if not is_id(id):
        raise InputError(f"there is no alert and no incident {_short(told_id)}: an id has 16 hex digits")
    found = in_incidents(incidents, id) if incidents else None
    found = found or (in_alerts(alerts, id) if alerts else None)
    where = ", ".join([*incidents, *alerts])
    if found is None and where:
        # a running pipeline folds window by window, and may have come to others
        more = "" if incidents else "; incidents that a pipeline wrote are looked up by --incidents"
        raise InputError(f"there is no alert and no incident {id} in {where}{more}")
    when = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    told = feedback.Told(id, verdict, note, who, when, *(found or ()))
    if found is not None and not told.placed:
        echo(f"Note: {id} names neither all of its sources nor all of its targets: give --alerts", err=True)
    feedback.append(path, told)
    if found is None:
        echo(
            f"{path}: {id} is {verdict}; not checked: whether there is such a one, and which flows it is of, "
            "is not known, so no rule and no training takes it: give --alerts or --incidents",
            err=True,
        )
    else:
        echo(f"{path}: {id} is {verdict}, {told.flows:,} flow{'' if told.flows == 1 else 's'}", err=True)


def _export(path: str, export: str, days: int) -> None:
    from morpheus_gae.suppress import feedback
    from morpheus_gae.suppress.export import rules_text, write_rules

    told = feedback.read_feedback(path)
    until = (datetime.now(timezone.utc) + timedelta(days=days)).date()
    text = rules_text(told, until)
    if export == "-":
        echo(text)
    else:
        write_rules(export, text)
        count = text.count("[[suppress]]")
        echo(f"{export}: {count:,} rule{'' if count == 1 else 's'}, until {until}", err=True)
    last = feedback.latest(told)
    unplaced = sum(one.verdict == feedback.BENIGN and not one.placed for one in last)
    if unplaced:
        echo(f"Note: {unplaced:,} benign ones were not looked up when they were told: no rule", err=True)


def _short(text: str) -> str:
    from morpheus_gae.flows.tables.printable import printable

    return repr(printable(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # a user without a name, in a container
        return "unknown"
