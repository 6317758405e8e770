"""What becomes of a shop where it runs, as the server makes news of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from hullmark.model.notice import Cause, ItemPlace, Transition
from hullmark.model.place import InventoryReport, PlaceEvent
from hullmark.server.stories.places.news import cause_of, cause_of_start, news_of, started_uncertified
from hullmark.server.stories.places.silence import cause_of_silence, fallen_silent, heard_again
from hullmark.server.tables.places.intake import Source
from hullmark.server.tables.places.silence import SilentCollector
from hullmark.server.tables.places.started import ContainerImage, UncertifiedImage

_PLACE = "eu-1/shop/Deployment/web/main"


class PlaceNews(NamedTuple):
    """News of a place, under a name, and what must be in it."""

    name: str
    cause: Cause
    transition: Transition
    must: tuple[str, ...]


def news_of_places(reference: str, digest: str, now: datetime) -> Iterator[PlaceNews]:
    """An image that starts uncertified, drift, a weak host, and collectors in trouble."""
    source = Source(1, 1, "kubernetes", now, now)
    report = InventoryReport(platform="kubernetes", collector="eu-1", sequence=1, at=now)
    image = UncertifiedImage(
        running_image_id=1,
        image_id=1,
        digest=digest,
        reference=reference,
        state="analysed",
        environment="production",
        verdict="stop",
        places=3,
        first=1,
        name=_PLACE,
    )
    since = f"{now:%Y-%m-%d}"
    must = (reference, f"it started at {_PLACE} and at 2 more", "its verdict is stop", since, "have it judged")
    yield PlaceNews(
        "started uncertified", cause_of_start(source, report, "1", [image]), started_uncertified(image, now), must
    )
    at = ContainerImage(id="c1", image_id=1, digest=digest, reference=reference, environment="production", name=_PLACE)
    events = (
        PlaceEvent(kind="drift", container="c1", subject="/usr/bin/ls", summary="it is not the image's", at=now),
        PlaceEvent(kind="host", subject="runc 1.1.11", summary="CVE-2024-21626 leads out of containers", at=now),
        PlaceEvent(kind="problem", subject="podman.sock", summary="it does not answer", at=now),
    )
    advice = ("start the container anew", "bring the host up to date", "see the log")
    for event, todo in zip(events, advice, strict=True):
        about = at if event.container else None
        words = (event.subject, event.summary, since, todo, *((_PLACE,) if about else ("eu-1",)))
        cause = cause_of(event, source, "eu-1", about)
        yield PlaceNews(f"place {event.kind}", cause, news_of(event, source, about), words)
    yield from _of_silence(now)


def _of_silence(now: datetime) -> Iterator[PlaceNews]:
    found = SilentCollector(id=1, account_id=1, platform="kubernetes", name="eu-1", reported_at=now, places=3)
    must = ("kubernetes eu-1", "last heard of", f"{now:%Y-%m-%d}")
    cause, again = heard_again(found, now)
    silent = (*must, "with 3 places", "see whether the agent runs")
    yield PlaceNews("a collector is silent", cause_of_silence([found], now), fallen_silent(found, now), silent)
    yield PlaceNews("a collector is heard again", cause, again, (*must, "reports again", "look at what started"))


RUNNING = (
    ItemPlace(name=_PLACE, environment="production", grade="default"),
    ItemPlace(name="us-1/shop/Deployment/web/main", environment="production", grade="vm"),
)
"""Where an image runs."""
