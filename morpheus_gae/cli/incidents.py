"""``morpheus-gae incidents``: alerts of a file as incidents."""

from __future__ import annotations

import click

from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import Command, a_day, echo, map_options

ROWS = 100_000
SHOWN = 20
MOST_QUIET = 525_600
"""Minutes of a year."""
PIECE = 500
"""Incidents that are read back and written at once."""


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="ALERTS...")
@click.option(
    "--output",
    metavar="FILE",
    help="Write all incidents to FILE (.jsonl, .parquet, .arrow; - for stdout, in place of the table).",
)
@click.option(
    "--encoding",
    type=click.Choice(["plain", "ecs", "ocsf", "eve"]),
    default="plain",
    show_default=True,
    help="Form of what is written: plain records, Elastic Common Schema, OCSF findings or Suricata's EVE.",
)
@click.option(
    "--flows_a_day",
    type=Number(min=0, min_open=True),
    help="Flows a day of the network, for severity; by default as many as would give these alerts if all "
    "were benign.",
)
@click.option(
    "--incident_budget",
    type=a_day,
    metavar="N/day",
    help="Leave out incidents that benign traffic shows more than N a day of.",
)
@click.option(
    "--quiet_minutes",
    type=Number(min=0, max=MOST_QUIET, min_open=True),
    default=60.0,
    show_default=True,
    help="An incident ends when nothing came to it for so long.",
)
@click.option(
    "--suppress",
    metavar="FILE",
    help="Leave out what rules of this TOML file tell: alerts before they are folded, incidents by kind.",
)
@click.option(
    "--policy", metavar="FILE", help="Tell incidents that break a rule of this TOML file as policy breaks."
)
@click.option(
    "--truth",
    multiple=True,
    metavar="FLOWS",
    help="Labelled flows that the alerts are of: count by class what incidents hold; repeat it for more.",
)
@click.option("--most", type=click.IntRange(min=1), default=SHOWN, show_default=True, help="Rows to show.")
@map_options
def command(
    files: tuple[str, ...],
    output: str | None,
    encoding: str,
    flows_a_day: float | None,
    incident_budget: float | None,
    quiet_minutes: float,
    suppress: str | None,
    policy: str | None,
    truth: tuple[str, ...],
    most: int,
    map: tuple[str, ...],
    columns: str | None,
) -> None:
    """Fold alerts into incidents: what belongs together, what it looks like, how severe it is.

    ALERTS are files that  morpheus run pipeline-gae  wrote, encoding plain.

    Example:  morpheus-gae incidents alerts.jsonl --incident_budget 5/day
    """
    import os
    from datetime import datetime, timezone
    from itertools import islice
    from pathlib import Path

    from morpheus_gae.errors import UsageError
    from morpheus_gae.flows.exporters.mapping import read_map
    from morpheus_gae.flows.readers.read import expand, read_flows
    from morpheus_gae.flows.span import span
    from morpheus_gae.incidents import records
    from morpheus_gae.incidents.alerts_file import checked
    from morpheus_gae.incidents.encodings import encode
    from morpheus_gae.incidents.fold import CLOSED, Change, Fold
    from morpheus_gae.incidents.severity import false_a_day
    from morpheus_gae.incidents.severity import flows_a_day as daily
    from morpheus_gae.incidents.spool import Spool
    from morpheus_gae.incidents.stretches import Stretches
    from morpheus_gae.sinks.open import check_destination, open_sink
    from morpheus_gae.suppress.held import Held
    from morpheus_gae.suppress.policy import mark, read_policy
    from morpheus_gae.suppress.read import read_rules

    held = Held([] if suppress is None else read_rules(suppress), datetime.now(timezone.utc))
    denied = [] if policy is None else read_policy(policy)
    alert_files = expand(list(files))
    if output is not None:
        if ".csv" in Path(output).suffixes:
            raise UsageError(f"incidents have lists in them: write them to .jsonl, not to {output}")
        check_destination(output)
        given = {os.path.realpath(path) for path in (*alert_files, *expand(list(truth)))}
        if output != "-" and os.path.realpath(output) in given:
            raise UsageError(f"{output} is read as input: write the incidents somewhere else")
    preset = read_map(map, columns, None)
    covered = None
    if truth:
        from morpheus_gae.evaluate.covered import Covered

        read = read_flows(expand(list(truth)), batch_rows=ROWS, preset=preset)
        covered = Covered(batch.flows for batch in read)
    fold = Fold(quiet_ms=round(60_000 * quiet_minutes), watch=None if covered is None else covered.took)
    alerts, model, benign = 0, "", 0.0
    times = Stretches()
    with Spool() as spool:

        def keep(changes: list[Change]) -> None:
            for change in changes:
                if change.state == CLOSED:
                    spool.add(change.incident)

        for batch in read_flows(alert_files, batch_rows=ROWS, preset=preset):
            table = checked(batch.flows.table, batch.source)
            if not table.num_rows:
                continue
            model = table["model"][0].as_py()
            alerts += table.num_rows
            # on the scale of the score: 1 - threshold is the share of benign flows that are flagged
            benign += table.num_rows / max(1.0 - table["threshold"][0].as_py(), 1e-9)
            when = batch.flows.time_ms
            start, end = (None, None) if when is None else span(when)
            if start is not None and end is not None:
                times.add(table.num_rows, start, end)
            table = held.alerts(table)
            if covered is not None and table.num_rows:
                covered.batch(table)
            keep(fold.add(table, table.num_rows, start, end))
        keep(fold.finish())
        # known now: how severe each is depends on it
        rate = flows_a_day or daily(round(benign), times.first, times.last)
        sink = None if output is None else open_sink(output)
        shown: list[Change] = []
        ranked, found = spool.ranked(), 0
        try:
            while piece := [Change(CLOSED, incident, rate) for incident in islice(ranked, PIECE)]:
                mark(denied, piece)
                kept = held.changes(piece)
                if incident_budget is not None:
                    kept = [c for c in kept if false_a_day(c.incident.pooled, rate) <= incident_budget]
                found += len(kept)
                if covered is not None:
                    covered.tell(kept)
                shown += kept[: most - len(shown)]
                if sink is not None and kept:
                    sink.add(encode(kept, model, encoding))
        finally:
            if sink is not None:
                sink.close()
    for line in held.lines():
        echo(line, err=True)
    if output != "-":
        echo(f"{alerts:,} alerts, {found:,} incidents" + (", the most severe:" if found else ""))
        if found:
            echo(records.lines(shown, most))
    if covered is not None:
        for line in ["", *covered.lines(times.first, times.last)]:
            echo(line, err=output == "-")
