"""What is counted: requests by this process, and the state of all, asked of the database when somebody looks."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hullmark.app.server.services import Services
from hullmark.store import jobs, tallies
from hullmark.store.database import DatabaseUnreachable

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
_JOBS = Gauge("hullmark_jobs", "Jobs that wait or run.", ("task", "status"), registry=REGISTRY)
_IMAGES = Gauge("hullmark_images", "Images by state.", ("state",), registry=REGISTRY)
_VERDICTS = Gauge("hullmark_verdicts", "Current verdicts.", ("verdict",), registry=REGISTRY)
_DATABASE_UP = Gauge("hullmark_database_up", "Whether the database answers.", registry=REGISTRY)
_SNAPSHOT_AT = Gauge("hullmark_advisories_age_seconds", "Age of the youngest advisory.", registry=REGISTRY)


async def exposition(services: Services) -> bytes:
    """All of it as Prometheus reads it. Where the database does not answer, that is what is told."""
    try:
        async with services.database.system() as connection:
            counts = await tallies.tally(connection)
            waiting = await jobs.waiting_by_task(connection)
        _DATABASE_UP.set(1)
    except DatabaseUnreachable:
        _DATABASE_UP.set(0)
        return generate_latest(REGISTRY)
    _JOBS.clear()
    for (task, status), count in waiting.items():
        _JOBS.labels(task, status).set(count)
    for state, count in counts.images.items():
        _IMAGES.labels(state).set(count)
    for verdict, count in counts.verdicts.items():
        _VERDICTS.labels(verdict).set(count)
    if counts.advisories_at is not None:
        _SNAPSHOT_AT.set((services.clock() - counts.advisories_at).total_seconds())
    return generate_latest(REGISTRY)
