"""What is counted: requests by this process, and the state of all, asked of the database when somebody looks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import HistogramMetricFamily

from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.server.tables.notice import channels, latency, messages
from hullmark.server.tables.rollout import tallies

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "hullmark_requests", "Requests that were answered.", ("method", "route", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "hullmark_request_seconds",
    "How long requests took.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
_ENDED = timedelta(days=1)
_JOBS = Gauge("hullmark_jobs", "Jobs that wait or run.", ("task", "status"), registry=REGISTRY)
_IMAGES = Gauge("hullmark_images", "Images by state.", ("state",), registry=REGISTRY)
_VERDICTS = Gauge("hullmark_verdicts", "Current verdicts.", ("verdict",), registry=REGISTRY)
_DATABASE_UP = Gauge("hullmark_database_up", "Whether the database answers.", registry=REGISTRY)
_SNAPSHOT_AT = Gauge("hullmark_advisories_age_seconds", "Age of the youngest advisory.", registry=REGISTRY)
_MESSAGES = Gauge(
    "hullmark_messages",
    "Messages to people by state; those that arrived or were given up, of the last day.",
    ("state",),
    registry=REGISTRY,
)
_CHANNELS = Gauge("hullmark_channels", "Channels by how they fare.", ("state",), registry=REGISTRY)
_CHANNEL_FAILURES = Gauge(
    "hullmark_channel_failures",
    "Attempts that came to nothing since the channels last took a message.",
    registry=REGISTRY,
)


class NoticeSeconds:
    """The histogram of how long people wait, as the database has it for all processes together."""

    def __init__(self) -> None:
        self.found: dict[str, latency.Histogram] = {}

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What the registry asks for."""
        family = HistogramMetricFamily(
            "hullmark_notice_seconds", "From becoming known to having been told, by stage.", labels=("stage",)
        )
        for stage, histogram in self.found.items():
            bounds = ["+Inf" if math.isinf(bound) else repr(bound) for bound in latency.BOUNDS]
            family.add_metric(
                (stage,), buckets=list(zip(bounds, histogram.counts, strict=True)), sum_value=histogram.seconds
            )
        yield family


_NOTICE_SECONDS = NoticeSeconds()
REGISTRY.register(_NOTICE_SECONDS)


async def exposition(services: Services) -> bytes:
    """All of it as Prometheus reads it. Where the database does not answer, that is what is told."""
    try:
        async with services.database.system() as connection:
            counts = await tallies.tally(connection)
            waiting = await jobs.waiting_by_task(connection)
            sent = await messages.by_state(connection, services.clock() - _ENDED)
            fares, failures = await channels.fares(connection)
            _NOTICE_SECONDS.found = await latency.latencies(connection)
        _DATABASE_UP.set(1)
    except DatabaseUnreachable:
        _DATABASE_UP.set(0)
        return generate_latest(REGISTRY)
    _JOBS.clear()
    for (task, status), count in waiting.items():
        _JOBS.labels(task, status).set(count)
    for state, count in sent.items():
        _MESSAGES.labels(state).set(count)
    for state, count in fares.items():
        _CHANNELS.labels(state).set(count)
    _CHANNEL_FAILURES.set(failures)
    for state, count in counts.images.items():
        _IMAGES.labels(state).set(count)
    for verdict, count in counts.verdicts.items():
        _VERDICTS.labels(verdict).set(count)
    if counts.advisories_at is not None:
        _SNAPSHOT_AT.set((services.clock() - counts.advisories_at).total_seconds())
    return generate_latest(REGISTRY)
