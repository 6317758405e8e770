"""Traces for OpenTelemetry, where its libraries are installed (`hullmark[telemetry]`) and OTEL_EXPORTER_OTLP_ENDPOINT is set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from hullmark._version import __version__


@lru_cache(1)
def _tracer() -> Any:
    """What makes spans; None where nobody collects them."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": "hullmark", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return trace.get_tracer("hullmark", __version__, tracer_provider=provider)


def span(name: str, attributes: Mapping[str, str | int]) -> AbstractContextManager[Any]:
    """A span while the block lasts; nothing where traces are not collected. Exceptions are recorded in it."""
    tracer = _tracer()
    return nullcontext() if tracer is None else tracer.start_as_current_span(name, attributes=dict(attributes))
