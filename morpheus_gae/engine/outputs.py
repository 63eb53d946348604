"""Outputs: where alerts go, as the settings ask: a file, stdout, a topic, or a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.engine.operators import AlertSink
from morpheus_gae.engine.settings import STDOUT, Settings
from morpheus_gae.errors import UsageError
from morpheus_gae.sinks.remote.target import is_remote, parse_target

if TYPE_CHECKING:
    from morpheus_gae.engine.topics import Topics
    from morpheus_gae.engine.upkeep import Upkeep


def alert_sink(
    settings: Settings,
    metrics: Metrics,
    say: Callable[[str], None],
    upkeep: Upkeep | None = None,
    topics: Topics | None = None,
) -> AlertSink:
    """The sink of a pipeline.

    Parameters
    ----------
    settings
        Tell output and encoding.
    metrics
        Counts what servers take and refuse.
    say
        Tells the user one line.
    upkeep
        Has a checkpoint, perhaps, whose files can be cut back.
    topics
        Have an output of their own, perhaps.

    Raises
    ------
    GaeError
        If it cannot be written, or not in this encoding.
    """
    from morpheus_gae.detect.encodings import encoding
    from morpheus_gae.sinks.encoded import EncodedSink
    from morpheus_gae.sinks.lazy import LazySink
    from morpheus_gae.sinks.open import check_destination, open_sink

    output, encode = settings.output or STDOUT, encoding(settings.encoding)
    if is_remote(output):
        from morpheus_gae.sinks.remote.open import open_remote

        if settings.refused is None and not output.startswith("syslog+t"):
            say(f"Note: an alert that {parse_target(output)} refuses ends the run: --refused FILE keeps it")
        return open_remote(
            output,
            encode,
            metrics,
            say,
            refused=settings.refused,
            retry_seconds=settings.retry_seconds,
            name_of_encoding=settings.encoding,
        )
    if settings.refused is not None:
        raise UsageError(
            "--refused is for an --output that can refuse: syslog+tcp://, webhook+https:// and the like"
        )
    if settings.encoding == "cef":
        raise UsageError(f"--encoding cef is for syslog+tls:// and its like, not {output}")
    if settings.encoding != "plain" and ".csv" in Path(output).suffixes:
        raise UsageError(f"--encoding {settings.encoding} is nested: write it to .jsonl, not to {output}")
    sink = None if topics is None else topics.sink(None if settings.encoding == "plain" else encode)
    if sink is not None:
        return sink
    check_destination(output)
    sink = (None if upkeep is None else upkeep.sink()) or LazySink(partial(open_sink, output))
    return sink if settings.encoding == "plain" else EncodedSink(sink, encode)
