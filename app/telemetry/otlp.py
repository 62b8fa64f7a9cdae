"""Spans of OpenTelemetry, sent to a collector over HTTP.

Nothing is registered as OpenTelemetry's global provider: libraries that would put questions and documents into spans of
their own find none to send them by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app import __version__
from app.telemetry.traces import Span, Value

_SERVICE: Final = "end-to-end-llmops"
_W3C: Final = TraceContextTextMapPropagator()
_KINDS: Final = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER}


class OtlpSpan:
    """A span, or only the context that others begin below."""

    def __init__(self, tracer: trace.Tracer, context: Context) -> None:
        self._tracer = tracer
        self._context = context
        self._span = trace.get_current_span(context)

    def begin(self, name: str, attributes: Mapping[str, Value], *, kind: str = "internal") -> Span:
        begun = self._tracer.start_span(
            name, context=self._context, kind=_KINDS[kind], attributes=dict(attributes)
        )
        return OtlpSpan(self._tracer, trace.set_span_in_context(begun, self._context))

    def note(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(dict(attributes))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, code: str) -> None:
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        self._span.end()

    def headers(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._context)
        return carrier


class OtlpTracing:
    """Batches spans in a thread and sends them; a collector that does not answer costs requests nothing.

    `endpoint` is the collector's address, without `/v1/traces`. Samplers, headers, time limits and the service's name
    follow OpenTelemetry's own environment variables.
    """

    def __init__(self, endpoint: str) -> None:
        own = Resource({SERVICE_NAME: _SERVICE, SERVICE_VERSION: __version__})
        self._provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("app", __version__)

    def root(self, headers: Mapping[str, str]) -> Span:
        return OtlpSpan(self._tracer, _W3C.extract(headers, context=Context()))

    def close(self) -> None:
        """Send what has not been sent. Blocking."""
        self._provider.shutdown()
