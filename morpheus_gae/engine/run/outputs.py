"""Outputs: opens the sinks of alerts and incidents: files, stdout, topics, or servers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.run.operators import AlertSink
from morpheus_gae.engine.settings import STDOUT, Settings
from morpheus_gae.errors import UsageError
from morpheus_gae.kafka.url import is_kafka
from morpheus_gae.sinks.remote.secrets import PREFIX
from morpheus_gae.sinks.remote.target import is_remote, parse_target

if TYPE_CHECKING:
    import pyarrow as pa

    from morpheus_gae.detect.encodings import Encode
    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.engine.incidents_by_partition import IncidentsByPartition
    from morpheus_gae.engine.run.background import Background
    from morpheus_gae.engine.run.topics import Topics
    from morpheus_gae.engine.suppression import Suppression
    from morpheus_gae.incidents.fold import Change
    from morpheus_gae.sinks.remote.sink import Counts, RemoteSink


MOST_QUIET = 525_600
"""Minutes of a year."""


class NoAlerts:
    """A sink that discards alerts."""

    def add(self, table: pa.Table) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def alert_sink(
    settings: Settings,
    metrics: Metrics,
    say: Callable[[str], None],
    background: Background | None = None,
    topics: Topics | None = None,
) -> AlertSink:
    """Open the alert sink of a pipeline.

    Parameters
    ----------
    settings
        Output and encoding.
    metrics
        Counts delivered and refused alerts.
    say
        Reports one line to the user.
    upkeep
        May have a checkpoint, whose files can be truncated.
    topics
        May have a Kafka output.

    Raises
    ------
    GaeError
        If it cannot be written, or not in this encoding.
    """
    from morpheus_gae.detect.encodings import encoding
    from morpheus_gae.sinks.encoded import EncodedSink
    from morpheus_gae.sinks.lazy import LazySink
    from morpheus_gae.sinks.open import check_destination, open_sink

    if settings.incidents_only:
        return NoAlerts()
    output, encode = settings.output or STDOUT, encoding(settings.form)
    if is_remote(output):
        return server_sink(output, encode, settings.form, settings, metrics, say)
    if settings.refused is not None and not is_remote(settings.incidents):
        raise UsageError(
            "--refused is for an --output that can refuse: syslog+tcp://, webhook+https:// and the like"
        )
    if settings.form == "cef":
        raise UsageError(f"--encoding cef is for syslog+tls:// and its like, not {output}")
    if settings.form != "plain" and ".csv" in Path(output).suffixes:
        raise UsageError(f"--encoding {settings.form} is nested: write it to .jsonl, not to {output}")
    sink = None if topics is None else topics.sink(None if settings.form == "plain" else encode)
    if sink is not None:
        return sink
    check_destination(output)
    sink = (None if background is None else background.sink()) or LazySink(partial(open_sink, output))
    return sink if settings.form == "plain" else EncodedSink(sink, encode)


def open_incidents(
    settings: Settings,
    metrics: Metrics,
    say: Callable[[str], None],
    background: Background | None = None,
    topics: Topics | None = None,
    suppression: Suppression | None = None,
) -> IncidentStream | IncidentsByPartition | None:
    """What makes incidents of alerts; None if nobody asks for them. Parameters as those of `alert_sink`.

    Suppression rules are those of ``background``, if any.

    Raises
    ------
    GaeError
        If they cannot be written.
    """
    target = settings.incidents
    if target is None:
        if settings.incidents_only or settings.incident_budget is not None or settings.policy is not None:
            raise UsageError("incidents go nowhere: give --incidents URL")
        return None
    if not 0 < settings.incident_quiet <= MOST_QUIET:
        # the option's range check accepts more
        raise UsageError(f"--incident_quiet {settings.incident_quiet:g}: it is above 0, and a year at most")
    from morpheus_gae.engine.incidents import IncidentStream
    from morpheus_gae.incidents.encodings import encode
    from morpheus_gae.sinks.lazy import LazySink
    from morpheus_gae.sinks.open import check_destination, open_sink

    if target == STDOUT and settings.output in (None, STDOUT) and not settings.incidents_only:
        raise UsageError("alerts and incidents cannot both go to stdout: give --output, or --incidents_only")
    sink: AlertSink | None
    form = settings.incident_form
    rows: Callable[..., pa.Table] = partial(encode, encoding=form)
    if is_remote(target) or is_kafka(target):
        from morpheus_gae.sinks.together import together

        rows = together(form)
    if is_remote(target):
        sink = _incident_server(target, form, settings, metrics, say)
    else:
        sink = None if topics is None else topics.incident_sink()
    if sink is None:
        if ".csv" in Path(target).suffixes:
            raise UsageError(f"incidents have lists in them: write them to .jsonl, not to {target}")
        check_destination(target)
        sink = (None if background is None else background.incident_sink()) or LazySink(
            partial(open_sink, target)
        )
    suppression = suppression if background is None else background.suppression
    changelog = None if topics is None else topics.changelog()
    make = partial(
        IncidentStream,
        sink,
        rows,
        metrics,
        say,
        round(60_000 * settings.incident_quiet),
        settings.incident_budget,
        mark=_policy(settings),
        alone=changelog is None,
        **({} if suppression is None else {"keep": suppression.incidents}),
    )
    if topics is not None and topics.source is not None and changelog is not None:
        from morpheus_gae.engine.incidents_by_partition import IncidentsByPartition

        return IncidentsByPartition(make, changelog, topics.source, metrics, say)
    stream = make()
    if background is not None:
        background.follow(stream)
    return stream


def _policy(settings: Settings) -> Callable[[list[Change]], None]:
    if settings.policy is None:
        return lambda changes: None
    from morpheus_gae.suppress.policy import mark, read_policy

    return partial(mark, read_policy(settings.policy))


def _incident_server(
    target: str, form: str, settings: Settings, metrics: Metrics, say: Callable[[str], None]
) -> RemoteSink:
    """Open the server of incidents, with separate secrets and file of refused rows."""
    kept = None if settings.refused is None else Path(settings.refused)
    told: Any = {
        "updates": True,
        "prefix": "MORPHEUS_GAE_INCIDENTS_",
        "refused": None if kept is None else str(kept.with_name(f"{kept.stem}.incidents{kept.suffix}")),
    }
    from morpheus_gae.sinks.together import sent_of

    try:
        return server_sink(target, sent_of, form, settings, metrics, say, **told)
    except UsageError as error:
        raise UsageError(str(error).replace("--output", "--incidents", 1)) from None


def server_sink(
    output: str,
    encode: Encode,
    form: str,
    settings: Settings,
    counts: Counts,
    say: Callable[[str], None],
    *,
    updates: bool = False,
    prefix: str = PREFIX,
    refused: str | None = None,
) -> RemoteSink:
    """Create the sink of a server, for alerts or other rows.

    Parameters
    ----------
    output
        Its URL.
    encode
        Converts rows to the encoding that is sent.
    form
        Name of that encoding.
    settings
        Retry time, and file of refused alerts.
    counts
        Called with ``delivered_alerts``, ``delivery_retries`` and ``refused_alerts``.
    say
        Reports one line to the user.
    updates
        Whether changed rows are sent again with the same ``id``, the last one replacing earlier ones (as for
        incidents: rows with their plain columns, see ``sinks.together``).
    prefix
        Prefix of the names of its secrets.
    refused
        File of refused rows in place of that of the settings, since two sinks cannot share one.

    Raises
    ------
    GaeError
        If URL, encoding and secrets are inconsistent, or a library is missing.
    """
    from morpheus_gae.sinks.remote.open import open_remote

    kept = refused or settings.refused
    if kept is None and not output.startswith("syslog+t"):
        told = f"Note: an alert that {parse_target(output)} refuses ends the run: --refused FILE keeps it"
        say(Line(told, "refusal_ends_run"))
    return open_remote(
        output,
        encode,
        counts,
        say,
        refused=kept,
        retry_seconds=settings.retry_seconds,
        name_of_encoding=form,
        updates=updates,
        prefix=prefix,
    )
