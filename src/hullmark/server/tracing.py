"""Traces for OpenTelemetry, where its libraries are installed (`hullmark[telemetry]`) and OTEL_EXPORTER_OTLP_ENDPOINT is set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, cast

from hullmark._version import __version__

_WAIT_MS = 5000


def flush() -> None:
    """Send what was not sent yet, at the end of a process. Waits a few seconds at most."""
    if _provider() is not None:
        _provider().force_flush(_WAIT_MS)


@lru_cache(1)
def _provider() -> Any:
    """Collects spans; None if tracing is off."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": "hullmark", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def span(name: str, attributes: Mapping[str, str | int]) -> AbstractContextManager[Any]:
    """A span while the block lasts; nothing where traces are not collected. Exceptions are recorded in it."""
    provider = _provider()
    if provider is None:
        return nullcontext()
    tracer = provider.get_tracer("hullmark", __version__)
    return cast("AbstractContextManager[Any]", tracer.start_as_current_span(name, attributes=dict(attributes)))
