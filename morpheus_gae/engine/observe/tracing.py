"""Tracing: OpenTelemetry spans, one per window with one per stage inside; enabled by the environment.

The standard variables decide
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/): ``OTEL_TRACES_EXPORTER``
(``otlp``, ``console``, ``none``) or ``OTEL_EXPORTER_OTLP_ENDPOINT`` enable it, and ``OTEL_SERVICE_NAME``,
``OTEL_TRACES_SAMPLER`` and others have their standard meaning.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from morpheus_gae.engine.observe.logs import Line
from morpheus_gae.engine.stage import Operator
from morpheus_gae.engine.window import Window
from morpheus_gae.errors import MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

NAME = "morpheus-gae"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass
class Trace:
    """Times at which each stage worked on one window.

    Attributes
    ----------
    steps
        Stage, start and end in nanoseconds since the epoch.
    hosts, pairs
        Size of the window's graph.
    """

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    hosts: int = 0
    pairs: int = 0


class Traced(Operator):
    """Wrapper of an operator that records its working times in each window.

    Parameters
    ----------
    operator
        Wrapped operator.
    last
        Called with each finished window, for the last stage.
    """

    def __init__(self, operator: Operator, last: Callable[[Window], None] | None = None) -> None:
        self.name = operator.name
        self._operator, self._last = operator, last

    def process(self, item: Any) -> Iterator[Any]:
        """Return the operator's items."""
        return self._noted(self._operator.process(item))

    def finish(self) -> Iterator[Any]:
        """Return the operator's items."""
        return self._noted(self._operator.finish())

    def deadline(self) -> float | None:
        """Return the operator's deadline."""
        return self._operator.deadline()

    def expire(self) -> Iterator[Any]:
        """Return the operator's items."""
        return self._noted(self._operator.expire())

    def close(self) -> None:
        """Close the operator."""
        self._operator.close()

    def _noted(self, items: Iterable[Any]) -> Iterator[Any]:
        started = time.time_ns()
        for item in items:
            yield self._note(item, started, time.time_ns()) if isinstance(item, Window) else item
            started = time.time_ns()

    def _note(self, window: Window, started: int, ended: int) -> Window:
        trace = window.trace
        if trace is None:
            trace = Trace()
            window = replace(window, trace=trace)
        trace.steps.append((self.name, started, ended))
        if window.graph is not None:
            trace.hosts, trace.pairs = window.graph.hosts, window.graph.pairs
        if self._last is not None:
            self._last(window)
        return window


class Tracing:
    """Sends spans to a provider of the OpenTelemetry SDK.

    Parameters
    ----------
    provider
        Provider of the SDK.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace import set_span_in_context

        self._provider = provider
        self._tracer = provider.get_tracer(NAME)
        self._inside = set_span_in_context

    def traced(self, operators: list[Operator]) -> list[Operator]:
        """Wrap operators to record times; the last one passes its windows to ``emit``."""
        return [*(Traced(o) for o in operators[:-1]), *(Traced(o, self.emit) for o in operators[-1:])]

    def emit(self, window: Window) -> None:
        """Create the spans of a finished window."""
        trace = window.trace
        if trace is None or not trace.steps:
            return
        facts = {"flows": len(window.flows), "hosts": trace.hosts, "pairs": trace.pairs}
        if window.flagged is not None:
            facts["alerts"] = int(window.flagged.sum())
        told = {f"morpheus_gae.{name}": value for name, value in facts.items()}
        model = {} if window.live is None else {"morpheus_gae.model": window.live.label}
        parent = self._tracer.start_span(
            "window", start_time=min(step[1] for step in trace.steps), attributes={**told, **model}
        )
        inside = self._inside(parent)
        for stage, started, ended in trace.steps:
            span = self._tracer.start_span(stage, context=inside, start_time=started)
            span.end(ended)
        parent.end(max(step[2] for step in trace.steps))

    def close(self) -> None:
        """Flush pending spans and end the exporter's thread."""
        self._provider.shutdown()


def asked_for(environment: Mapping[str, str]) -> str | None:
    """Return the exporter requested by the environment, or None."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    told = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not told:
        return "otlp" if any(environment.get(name) for name in ENDPOINTS) else None
    return None if told == "none" else told


def open_tracing(say: Callable[[str], None], environment: Mapping[str, str] | None = None) -> Tracing | None:
    """Create the tracing requested by the environment.

    Parameters
    ----------
    say
        Called with the reason if tracing was requested but is unavailable: it must not end the run.
    environment
        ``os.environ`` by default.

    Returns
    -------
    Tracing or None
        None if not requested, or unavailable.
    """
    environment = os.environ if environment is None else environment
    kind = asked_for(environment)
    if kind is None:
        return None
    protocol = next((environment[name] for name in PROTOCOLS if environment.get(name)), "http/protobuf")
    if kind not in ("otlp", "console") or (kind == "otlp" and protocol != "http/protobuf"):
        told = (
            f"Warning: no traces: exporter {kind} with protocol {protocol} is not there; "
            "otlp with http/protobuf is, and console"
        )
        say(Line(told, "no_traces"))
        return None
    try:
        return Tracing(_provider(kind, environment))
    except ImportError as error:
        missing = MissingExtraError(str(error.name), "otel", "the OTEL_* environment asks for traces, which")
        say(Line(f"Warning: no traces: {missing}", "no_traces"))
        return None


def _provider(kind: str, environment: Mapping[str, str]) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

    named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    exporter: SpanExporter
    if kind == "console":
        import sys

        exporter = ConsoleSpanExporter(out=sys.stderr)
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    provider = TracerProvider(
        resource=Resource.create({} if named else {"service.name": NAME}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
