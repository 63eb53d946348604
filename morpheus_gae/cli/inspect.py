"""``morpheus-gae inspect``: how files of flows are read, before anything is scored."""

from __future__ import annotations

from typing import Any

import click

from morpheus_gae.cli.figures import spare_inputs, write_figures
from morpheus_gae.cli.options import EXIT_FAILED, Command, echo, json_option, map_options, preset_name

ROWS = 200_000


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--preset",
    type=preset_name,
    help="Exporter whose columns these are; found out from their names by default (auto).",
)
@map_options
@click.option(
    "--format",
    "stdin_format",
    type=click.Choice(["arrow", "csv", "ndjson", "parquet", "pcap"]),
    help="Format of stdin; found out from its first bytes by default.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=ROWS,
    show_default=True,
    help="Read about so many records of each; 0 reads all.",
)
@json_option(text="Write it to FILE as JSON; - is stdout, in place of the text.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[str, ...],
    preset: str | None,
    map: tuple[str, ...],
    columns: str | None,
    stdin_format: str | None,
    rows: int,
    json_file: str | None,
) -> None:
    """Show what is read, and as what: format, exporter, how each canonical column is made and in which unit,
    directions, bad records by reason, labels, times, and three records before and after.

    FILE is a file, folder, glob, - for stdin, or interface:eth0 (until Ctrl-C). Exits 1 if one
    cannot be read.

    Example:  morpheus-gae inspect flows.csv
    """
    import json

    from morpheus_gae.flows.exporters.mapping import read_map
    from morpheus_gae.flows.files.interfaces import Switch, is_interface
    from morpheus_gae.flows.readers.read import expand
    from morpheus_gae.inspect.look import look
    from morpheus_gae.inspect.text import text

    spare_inputs([json_file], files)
    asked = read_map(map, columns, preset)
    reports: list[dict[str, Any]] = []
    unreadable = False
    for source in expand(list(files)):
        switch = Switch()
        if is_interface(source):
            _stop_by_signal(switch)
        report = look(source, rows=rows, stdin_format=stdin_format, preset=asked, switch=switch)
        if json_file != "-":
            echo(("\n" if reports else "") + text(report))
        reports.append(report.as_dict())
        unreadable = unreadable or report.unreadable
    if json_file == "-":
        with click.open_file(json_file, "w", encoding="utf-8") as file:
            file.write(json.dumps(reports, indent=2) + "\n")
    elif json_file is not None:
        write_figures(json_file, reports)
    if unreadable:
        ctx.exit(EXIT_FAILED)


def _stop_by_signal(switch: Any) -> None:
    """Let Ctrl-C end the capture, and not the command."""
    import signal

    signal.signal(signal.SIGINT, lambda number, frame: switch.stop())
