"""Options of ``run pipeline-gae`` and its stages; each group is available on both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from morpheus_gae.cli.numbers import Number
from morpheus_gae.cli.options import PositiveInt, a_day, executor_name, map_options, preset_name, rate
from morpheus_gae.cli.sections import grouped
from morpheus_gae.flows.exporters.presets.names import NAMES as PRESET_NAMES


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the model."""
    return grouped(
        "Model",
        click.option("--model", metavar="DIR", help="Model folder; models/default by default."),
        click.option(
            "--executor",
            metavar="[cpu|cuda|cuda:N|torch]",
            type=executor_name,
            help="What computes; cpu by default.",
        ),
        click.option(
            "--deterministic", is_flag=True, help="Same bits in every run on a GPU too (always on a CPU)."
        ),
    )(command)


def window_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of windows."""
    return grouped(
        "Windows",
        click.option(
            "--graph_size", type=PositiveInt, help="Flows in a window; 200000 by default, 20000 with --learn."
        ),
        click.option(
            "--window_seconds",
            type=Number(min=0, min_open=True),
            help="End a window after so many seconds of flow time (and of waiting, if the input is a pipe); "
            "with --learn after an hour that has 1,000 flows.",
        ),
    )(command)


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the input."""
    read = grouped(
        "Input",
        click.option(
            "--input",
            metavar="URL",
            multiple=True,
            help="File, folder, glob, - for stdin, interface:eth0, or kafka://host:port/topic; repeatable.",
        ),
        click.option(
            "--preset",
            type=preset_name,
            metavar="NAME",
            help="Exporter or data set whose columns these are; found out by default (auto). One of "
            f"{', '.join(PRESET_NAMES)}.",
        ),
        map_options,
        click.option(
            "--pair_seconds",
            type=Number(min=0),
            help="Join one-way records that start so close to one flow, 60 by default; 0 leaves them.",
        ),
        click.option(
            "--format",
            type=click.Choice(["arrow", "csv", "ndjson", "parquet", "pcap"]),
            help="Format of stdin; found out from its first bytes by default.",
        ),
        click.option("--dead_letters", metavar="FILE", help="Bad records; OUTPUT.dead.ndjson by default."),
    )
    kafka = grouped(
        "Kafka",
        click.option("--group", metavar="NAME", help="Kafka consumer group; morpheus-gae by default."),
        click.option(
            "--kafka_config",
            metavar="FILE",
            help="Options of the Kafka clients, key=value lines; MORPHEUS_GAE_KAFKA_<OPTION> come first.",
        ),
        click.option(
            "--fail_fast",
            is_flag=True,
            help="Exit rather than wait for a Kafka broker or topic at the start.",
        ),
    )
    return read(kafka(command))


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the output."""
    written = grouped(
        "Output",
        click.option(
            "--output",
            metavar="URL",
            help="File (by its extension), - for NDJSON on stdout, kafka://host:port/topic, or a server: "
            "syslog+tls://host (also tcp, udp), elasticsearch+https://host/index (also opensearch), "
            "splunk+https://host, webhook+https://host/path, slack+https://host/path.",
        ),
        click.option(
            "--encoding",
            type=click.Choice(["plain", "ecs", "ocsf", "eve", "cef"]),
            help="Form of an alert: flat columns (plain, the default), Elastic's ECS (the default for "
            "Elasticsearch and OpenSearch), OCSF, Suricata's EVE, CEF (for syslog).",
        ),
        click.option(
            "--refused", metavar="FILE", help="Keep alerts that a server refuses there, and go on; NDJSON."
        ),
        click.option(
            "--retry_seconds",
            type=Number(min=0),
            help="How long a server may take no alerts before the run fails; 300 by default.",
        ),
    )
    folded = grouped(
        "Incidents",
        click.option(
            "--incidents",
            metavar="URL",
            help="Fold alerts into incidents and write these there too: a file, - for stdout, "
            "kafka://host:port/topic, or a server as for --output.",
        ),
        click.option(
            "--incidents_only", is_flag=True, help="Write incidents and no alerts; nothing goes to --output."
        ),
        click.option(
            "--incident_encoding",
            type=click.Choice(["plain", "ecs", "ocsf", "eve"]),
            help="Form of an incident; by default that of the alerts, or the usual one of where they go.",
        ),
        click.option(
            "--incident_budget",
            type=a_day,
            metavar="N/day",
            help="Leave out incidents that benign traffic shows more than N a day of.",
        ),
        click.option(
            "--incident_quiet",
            type=Number(min=0, min_open=True),
            metavar="MINUTES",
            help="An incident ends when nothing came to it for so long; 60 by default.",
        ),
        click.option(
            "--policy",
            metavar="FILE",
            help="Tell incidents that break a rule of this TOML file as policy breaks.",
        ),
    )
    kafka = grouped(
        "Kafka",
        click.option(
            "--exactly_once",
            is_flag=True,
            help="Kafka to Kafka: alerts and the offsets they came from in one transaction.",
        ),
        click.option(
            "--incident_state",
            metavar="TOPIC",
            help="With --exactly_once, topic that keeps open incidents; INCIDENTS.state by default.",
        ),
        click.option(
            "--output_format",
            type=click.Choice(["ndjson", "arrow"]),
            help="Kafka messages: an alert each as JSON (ndjson, the default), or many in Arrow IPC.",
        ),
    )
    return written(folded(kafka(command)))


def rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of thresholds and suppression."""
    held = grouped(
        "Suppression",
        click.option(
            "--suppress",
            metavar="FILE",
            help="Hold flagged flows back that rules of this TOML file tell; they are counted by rule.",
        ),
        click.option(
            "--suppressed", metavar="FILE", help="Keep there what --suppress holds back; NDJSON, appended."
        ),
    )
    flagged = grouped(
        "Threshold",
        click.option("--threshold", type=Number(0, 1), help="Flag scores from this on; 0 flags every flow."),
        click.option(
            "--alert_rate", type=rate, help="Share of benign flows to flag: 0.001 or 0.1%, the default."
        ),
        click.option("--adaptive", is_flag=True, help="Take the threshold from the recent traffic itself."),
        click.option(
            "--learn",
            is_flag=True,
            help="Let memory, scale and threshold follow the traffic; needs no training on it.",
        ),
        click.option(
            "--half_life",
            type=Number(min=0, min_open=True),
            help="Days in which what --learn has learnt counts half; 14 by default.",
        ),
        click.option("--labels", metavar="COLUMN", help="Label column to report on; Label by default."),
    )
    return flagged(held(command))
