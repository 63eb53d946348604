"""``morpheus-gae simulate``: labelled traffic of a network that does not exist."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import Any

import click

from morpheus_gae.cli.figures import write_figures
from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import Command, echo, json_option
from morpheus_gae.cli.sections import section
from morpheus_gae.errors import UsageError

CHUNK = 200_000


@click.command(cls=Command)
@section("Output")
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    help=".parquet, .csv, .ndjson, .jsonl or .arrow; - is NDJSON on stdout; or kafka://host:port/topic.",
)
@json_option()
@section("Traffic")
@click.option(
    "--flows", type=click.IntRange(min=1), default=200_000, show_default=True, help="How many flows."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another day."
)
@click.option(
    "--network", type=click.IntRange(min=0), default=0, show_default=True, help="Number of the network."
)
@click.option(
    "--hosts",
    type=click.IntRange(1, 1_000_000),
    help="Regular hosts of the network [default: flows / 500, from 100 to 20,000].",
)
@click.option(
    "--profile",
    type=click.Choice(["enterprise", "iot", "mixed"]),
    default="mixed",
    show_default=True,
    help="Which hosts live on the network.",
)
@click.option(
    "--attacks", default="all", show_default=True, help="all, none, or names of attacks, comma-separated."
)
@click.option(
    "--attack_share", type=float, default=0.02, show_default=True, help="Share of attack flows, 0 to 1."
)
@click.option(
    "--ipv6_share",
    type=float,
    default=0.1,
    show_default=True,
    help="Of the flows; 0: no IPv6 columns.",
)
@click.option("--hub", is_flag=True, help="Add one host that talks to every other.")
@click.option("--start", metavar="ISO", help="First moment, e.g. 2025-03-03T08:00 (UTC).")
@click.option(
    "--days", type=float, help="Length [default: as long as the network needs for that many flows]."
)
@click.option(
    "--drift",
    default="none",
    show_default=True,
    help="How the network changes over weeks: all, none, or of leases, newcomers, site, rollout, holidays, "
    "seasons, comma-separated.",
)
@click.option(
    "--campaigns",
    type=click.Choice(["short", "long"]),
    default="short",
    show_default=True,
    help="Attacks last minutes, or hours to weeks.",
)
@section("Form")
@click.option(
    "--garbage",
    type=Number(0.0, 1.0),
    default=0.0,
    show_default=True,
    help="Malformed rows added for each good one; CSV and NDJSON only.",
)
@click.option(
    "--exporter",
    type=click.Choice(["nprobe", "goflow2"]),
    default="nprobe",
    show_default=True,
    help="Form of the records: two-way flows with labels, or goflow2's one-way records; NDJSON and topics.",
)
@click.option("--rate", type=Number(min=0, min_open=True), help="At most so many flows a second.")
@click.option(
    "--message_lines",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Records in one message of a topic.",
)
@click.option("--kafka_config", metavar="FILE", help="Options of the Kafka client, one key=value a line.")
def command(
    output: str,
    flows: int,
    seed: int,
    network: int,
    hosts: int | None,
    profile: str,
    attacks: str,
    attack_share: float,
    ipv6_share: float,
    hub: bool,
    start: str | None,
    days: float | None,
    drift: str,
    campaigns: str,
    garbage: float,
    exporter: str,
    rate: float | None,
    message_lines: int,
    kafka_config: str | None,
    json_file: str | None,
) -> None:
    """Simulate the flows of a network, with labels.

    The same network number and options give the same hosts and habits; the seed and the start choose the day.

    The shipped models know the network of  --network 7 --hosts 1000.

    Example:  morpheus-gae simulate --output day1.parquet --flows 1000000 --seed 1 --attacks none
    """
    from morpheus_gae.simulate.output.exporters import goflow2
    from morpheus_gae.simulate.output.garbage import Garbage
    from morpheus_gae.simulate.output.pace import paced
    from morpheus_gae.simulate.output.write import check_output, open_writer
    from morpheus_gae.simulate.simulate import START_MS, Network, simulate
    from morpheus_gae.simulate.summary import Summary

    check_output(output, garbage=garbage > 0)
    text = output == "-" or output.startswith("kafka://") or output.endswith((".ndjson", ".jsonl"))
    if exporter != "nprobe" and (not text or garbage):
        raise UsageError(f"--exporter {exporter} writes NDJSON or a topic, without --garbage; not {output}")
    start_ms = START_MS if start is None else _milliseconds(start)
    size = max(100, min(20_000, flows // 500)) if hosts is None else hosts
    built = Network.build(network, size, profile, ipv6_share, hub)
    tables = simulate(built, flows, seed, start_ms, attack_share, attacks, CHUNK, days, drift, campaigns)
    spoiler = Garbage(garbage, seed, csv=output.endswith(".csv")) if garbage else None
    summary = Summary()
    writer = open_writer(output, spoiler, lines_per_message=message_lines, kafka_config=kafka_config)
    with _progress(flows) as progress, writer as write:
        for table in paced(tables, rate):
            write(goflow2(table) if exporter == "goflow2" else table)
            summary.add(table)
            progress.update(table.num_rows)
    figures = summary.figures() | {"garbage_rows": spoiler.added if spoiler else 0}
    echo(_describe(figures), err=True)
    if json_file is not None:
        write_figures(json_file, figures)


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"--start {text!r} is no date: write it like 2025-03-03T08:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def _progress(flows: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=flows, unit=" flows", unit_scale=True, disable=not sys.stderr.isatty())


def _describe(figures: dict[str, Any]) -> str:
    lines = [f"{figures['flows']:,} flows, {figures['hosts']:,} hosts, {figures['pairs']:,} pairs"]
    if figures["garbage_rows"]:
        lines[0] += f", and {figures['garbage_rows']:,} malformed rows"
    lines += [f"  {name}: {count:,}" for name, count in figures["attacks"].items()]
    return "\n".join(lines)
